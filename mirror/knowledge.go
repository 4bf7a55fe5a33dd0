package mirror

import (
	"time"
	"unique"
)

// Knowledge is what is known of a mirror's content, which is not watched: it is
// what we wrote, as long as managedFields have nobody else who wrote to it.
type Knowledge struct {
	State contentState
	// Content is the content's hash, and Immutable says that the server takes no other,
	// where the state is known.
	Content   Hash
	Immutable bool
	// Fields is the server's list of what we wrote, which is the same text for all
	// mirrors of a source. It is empty where there is none, or more than one.
	Fields unique.Handle[string]
	// writtenAt is the second in which we wrote last, by the server's clock; SeenAt is
	// when we first heard of a write in that second, by our own.
	writtenAt int64
	SeenAt    time.Time
}

type contentState int8

const (
	// ContentUnread is what we wrote if fields has all of it: what somebody else adds
	// or changes is listed as theirs, and what somebody takes away is listed no more.
	ContentUnread contentState = iota
	// ContentTouched may be other than what we wrote: only the server can tell.
	ContentTouched
	// ContentKnown was read, or is what we have written just now.
	ContentKnown
)

// secondPasses is how long somebody who writes in our name may go unnoticed, since the
// server counts in seconds, and some more for the watch. Within it, what is heard of a
// mirror that we didn't write ourselves has it read.
const secondPasses = 2 * time.Second

func knowledgeOf(o *ownership) Knowledge {
	k := Knowledge{writtenAt: o.since(), SeenAt: time.Now()}
	if len(o.ours) == 1 {
		k.Fields = unique.Make(string(o.ours[0].raw))
	}
	if o.content || len(o.ours) != 1 {
		k.State = ContentTouched
	}
	return k
}

// Learn takes in what the content is.
func (k *Knowledge) Learn(content Hash, immutable bool) {
	k.State, k.Content, k.Immutable = ContentKnown, content, immutable
}

// Follow takes over what was known of the version before, as far as it still holds.
func (k *Knowledge) Follow(before *Knowledge) {
	sameWrite := k.writtenAt == before.writtenAt
	if sameWrite {
		k.SeenAt = before.SeenAt
	}
	switch {
	case k.State != ContentUnread:
	case before.State == ContentTouched, !sameWrite: // by somebody in our name; our own writes are known
		k.State = ContentTouched
	case before.State == ContentUnread:
	case time.Since(k.SeenAt) <= secondPasses, !sameContent(k.Fields, before.Fields):
		k.State = ContentTouched
	default:
		k.Learn(before.Content, before.Immutable)
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
func (k *Knowledge) compare(want *Desired, stated bool) match {
	switch {
	case k.State == ContentKnown && k.Content == want.Content, k.State == ContentUnread && stated && want.isCoveredBy(k.Fields):
		return contentSame
	case k.State == ContentKnown:
		return contentOther
	}
	return contentUnclear
}

// sameContent reports whether two lists of what we wrote are the same beside metadata.
func sameContent(a, b unique.Handle[string]) bool {
	none := unique.Handle[string]{}
	return a == b || a != none && b != none && contentFields(a.Value()) == contentFields(b.Value())
}
