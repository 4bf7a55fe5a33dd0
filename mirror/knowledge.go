package mirror

import (
	"time"
	"unique"
)

// Knowledge is what is known of a mirror's content, which is not watched: it is
// what we wrote, as long as managedFields have nobody else who wrote to it.
type Knowledge struct {
	// Content is the content's hash, where the state is known.
	Content Hash
	// written is the hash of what we wrote last, in this process; nil if we wrote nothing.
	written *Hash
	// Fields is the server's list of what we wrote, which is the same text for all
	// mirrors of a source; or what stands for it, where that is very long. It is empty
	// where there is none.
	Fields unique.Handle[string]
	// content and others are fingerprints of what somebody else wrote: content beside
	// metadata and status, and all of it.
	content, others uint64
	// writtenAt is the second in which we wrote last, by the server's clock; seenAt is
	// when we first heard of these authors of the content, by our own.
	writtenAt int64
	seenAt    moment
	State     contentState
	// Immutable says that the server takes no other content, where the state is known.
	Immutable bool
}

// moment is a time on our own clock, which no setting of the machine's moves.
type moment time.Duration

var start = time.Now()

func now() moment { return moment(time.Since(start)) }

type contentState int8

const (
	// ContentUnread is what we wrote if Fields has all of it: what somebody else adds
	// or changes is listed as theirs, and what somebody takes away is listed no more.
	ContentUnread contentState = iota
	// ContentTouched may be other than what we wrote: only the server can tell.
	ContentTouched
	// ContentKnown was read, or is what we have written just now.
	ContentKnown
)

// secondPasses is how long somebody may go unnoticed who writes in the same second, and
// under the same name, as was written last: the server counts in seconds; and some more
// for the watch. Within it, what is heard of a mirror that we didn't write ourselves has
// it read.
const secondPasses = 2 * time.Second

func knowledgeOf(o *ownership) Knowledge {
	k := Knowledge{writtenAt: o.since(), seenAt: now(), content: o.content, others: o.others}
	if len(o.ours) > 0 {
		k.Fields = unique.Make(boundedFields(mergedFields(o.ours)))
	}
	if o.content != 0 || len(o.ours) == 0 {
		k.State = ContentTouched
	}
	return k
}

// Learn takes in what the content is.
func (k *Knowledge) Learn(content Hash, immutable bool) {
	k.State, k.Content, k.Immutable = ContentKnown, content, immutable
}

// Wrote takes in that we have written what was desired. All mirrors of it share the hash.
func (k *Knowledge) Wrote(d *Desired) {
	k.Learn(d.Content, d.immutable)
	k.written = d.written
}

// Written is the hash of what we wrote last; zero if we have written nothing.
func (k *Knowledge) Written() Hash {
	if k.written == nil {
		return Hash{}
	}
	return *k.written
}

// remember takes over what we wrote last, where nobody has written in our name since.
func (k *Knowledge) remember(before *Knowledge) {
	if k.written == nil && k.writtenAt == before.writtenAt {
		k.written = before.written
	}
}

// Complete takes over what is known of the same version already.
func (k *Knowledge) Complete(before *Knowledge) {
	k.seenAt = before.seenAt
	k.remember(before)
}

// Follow takes over what was known of the version before, as far as it still holds: the
// same authors wrote the content, and something else explains that there is another
// version. A list of which somebody changes the order has no other trace.
func (k *Knowledge) Follow(before *Knowledge) {
	sameAuthors := k.writtenAt == before.writtenAt && k.content == before.content && sameContent(k.Fields, before.Fields)
	explained := k.others != before.others || k.Fields != before.Fields
	if sameAuthors {
		k.seenAt = before.seenAt
	}
	k.remember(before)
	switch {
	case k.State == ContentKnown:
	case !sameAuthors || !explained || before.State == ContentTouched:
		k.State = ContentTouched
	case before.State == ContentUnread:
	case time.Duration(now()-k.seenAt) <= secondPasses:
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

// IsFormOf reports whether content that was read may be the form in which the server
// keeps what we wrote: it is another, and only we have written content.
func (k *Knowledge) IsFormOf(written Hash) bool {
	return k.State == ContentKnown && k.content == 0 && written != Hash{} && k.Written() == written && k.Content != written
}
