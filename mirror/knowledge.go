package mirror

import (
	"time"
	"unique"
)

// knowledge is what is known of a mirror's content, which is not watched: it is
// what we wrote, as long as managedFields have nobody else who wrote to it.
type knowledge struct {
	state contentState
	// Content is the content's hash, and Immutable says that the server takes no other,
	// where the state is known.
	Content   Hash
	Immutable bool
	// fields is the server's list of what we wrote, which is the same text for all
	// mirrors of a source. It is empty where there is none, or more than one.
	fields unique.Handle[string]
	// writtenAt is the second in which we wrote last, by the server's clock; seenAt is
	// when we first heard of a write in that second, by our own.
	writtenAt int64
	seenAt    time.Time
}

type contentState int8

const (
	// contentUnread is what we wrote if fields has all of it: what somebody else adds
	// or changes is listed as theirs, and what somebody takes away is listed no more.
	contentUnread contentState = iota
	// contentTouched may be other than what we wrote: only the server can tell.
	contentTouched
	// contentKnown was read, or is what we have written just now.
	contentKnown
)

// sameSecond is how long somebody who writes in our name may go unnoticed, since the
// server counts in seconds, and some more for the watch. Within it, what is heard of a
// mirror that we didn't write ourselves has it read.
const sameSecond = 2 * time.Second

func knowledgeOf(o *ownership) knowledge {
	k := knowledge{writtenAt: o.since(), seenAt: time.Now()}
	if len(o.ours) == 1 {
		k.fields = unique.Make(string(o.ours[0].raw))
	}
	if o.content || len(o.ours) != 1 {
		k.state = contentTouched
	}
	return k
}

// learn takes in what the content is.
func (k *knowledge) learn(content Hash, immutable bool) {
	k.state, k.Content, k.Immutable = contentKnown, content, immutable
}

// follow takes over what was known of the version before, as far as it still holds.
func (k *knowledge) follow(before *knowledge) {
	sameWrite := k.writtenAt == before.writtenAt
	if sameWrite {
		k.seenAt = before.seenAt
	}
	switch {
	case k.state != contentUnread:
	case before.state == contentTouched, !sameWrite: // by somebody in our name; our own writes are known
		k.state = contentTouched
	case before.state == contentUnread:
	case time.Since(k.seenAt) <= sameSecond, !sameContent(k.fields, before.fields):
		k.state = contentTouched
	default:
		k.learn(before.Content, before.Immutable)
	}
}

// match is how a mirror's content compares with what it should be.
type match int8

const (
	contentSame match = iota
	contentOther
	contentUnclear // until it is read
)

// compare compares the content with what it should be. Stated says that the mirror says
// of itself that it was made of just that.
func (k *knowledge) compare(want *Shape, stated bool) match {
	switch {
	case k.state == contentKnown && k.Content == want.Content, k.state == contentUnread && stated && want.isCoveredBy(k.fields):
		return contentSame
	case k.state == contentKnown:
		return contentOther
	}
	return contentUnclear
}

// sameContent reports whether two lists of what we wrote are the same beside metadata.
func sameContent(a, b unique.Handle[string]) bool {
	none := unique.Handle[string]{}
	return a == b || a != none && b != none && contentFields(a.Value()) == contentFields(b.Value())
}
