package mirror

// Action is the one request that a mirror needs.
type Action int

// None comes first: nothing to do is what is to be expected.
const (
	None Action = iota
	Create
	Replace
	// Recreate is a delete and a create: the server takes no other content.
	Recreate
	Delete
	// Read is no write yet: what is to be done depends on what the server has.
	Read
	// Leave takes off a mirror what makes it one; see StaysBehind.
	Leave
)

func (a Action) String() string {
	return [...]string{"none", "create", "replace", "recreate", "delete", "read", "leave"}[a]
}

// Plan says what makes the one object that have is (nil: there is none) what want
// says (nil: none of this source). Accepted is the form that the server gave to
// what we wrote last, or nil.
//
// The caller has made sure that have is this source's (I1).
func Plan(want *Desired, have *Record, accepted *Accepted, stampGeneration bool) Action {
	switch {
	case have == nil && want == nil:
		return None
	case have == nil:
		return Create
	case have.Terminating:
		// It is on its way out; what comes after is decided when it is gone.
		return None
	case want == nil:
		return Delete
	}
	metadata := MetadataInSync(want, have, stampGeneration) || accepted.is(want, have)
	content := have.compare(want, metadata)
	switch {
	case metadata && content == contentSame:
		return None
	case content == contentOther && have.Immutable:
		return Recreate
	case metadata && content == contentUnclear:
		return Read
	}
	return Replace
}

// MetadataInSync compares a mirror's metadata with what it should be. That is where it
// says which content it has.
func MetadataInSync(want *Desired, have *Record, stampGeneration bool) bool {
	return have.Standing == Marked && have.Stamped && have.Generation == stampGeneration && keysInSync(want, have)
}

func keysInSync(want *Desired, have *Record) bool {
	if have.Unmanaged == nil {
		return have.Metadata == want.Metadata
	}
	// A key that others wrote is as it should be if its value is, and is then in
	// neither hash.
	if !agree(have.Unmanaged.labels, want.Labels) || !agree(have.Unmanaged.annotations, want.Annotations) {
		return false
	}
	return have.Metadata == hashMetadata(want.Labels, want.Annotations, have.Unmanaged)
}

func agree(theirs, want map[string]string) bool {
	for key, value := range theirs {
		if wanted, ok := want[key]; ok && wanted != value {
			return false
		}
	}
	return true
}

// Accepted is what the server made of the metadata in a write of ours: what a webhook, or
// the server itself, put in the place of what we sent. It is the form that these keys
// take there (I9). What it made of the content is ours by managedFields.
type Accepted struct {
	wantContent, wantMetadata Hash
	metadata                  Hash
	stamped, generation       bool
}

// NewAccepted is the form that the server gave to a write of what was wanted, by its
// answer.
func NewAccepted(want *Desired, have *Record) *Accepted {
	return &Accepted{want.Content, want.Metadata, have.Metadata, have.Stamped, have.Generation}
}

func (f *Accepted) is(want *Desired, have *Record) bool {
	return f != nil && have.Standing == Marked && *f == *NewAccepted(want, have)
}
