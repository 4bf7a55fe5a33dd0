package mirror

// Action is the one write that a mirror needs.
type Action int

// None comes first: nothing to do is what is to be expected.
const (
	None Action = iota
	Create
	Replace
	// Recreate is a delete and a create: the server takes no other content.
	Recreate
	Delete
)

func (a Action) String() string {
	return [...]string{"none", "create", "replace", "recreate", "delete"}[a]
}

// plan says what makes the one object that have is (nil: there is none) what want
// says (nil: none of this source). Accepted is the form that the server gave to
// what we wrote last, or nil.
//
// The caller has made sure that have is this source's (I1).
func plan(want *Shape, have *Record, accepted *form, stampGeneration bool) Action {
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
	case inSync(want, have, stampGeneration), accepted.is(want, have):
		return None
	case have.Immutable && have.Content != want.Content:
		return Recreate
	}
	return Replace
}

// inSync compares what a mirror should be with what it is.
func inSync(want *Shape, have *Record, stampGeneration bool) bool {
	return have.Standing == Marked && have.Content == want.Content &&
		have.Stamped && have.Generation == stampGeneration &&
		metadataInSync(want, have)
}

func metadataInSync(want *Shape, have *Record) bool {
	if have.foreign == nil {
		return have.Metadata == want.Metadata
	}
	// A key that others wrote is as it should be if its value is, and is then in
	// neither hash.
	if !agree(have.foreign.labels, want.Labels) || !agree(have.foreign.annotations, want.Annotations) {
		return false
	}
	return have.Metadata == hashMetadata(want.Labels, want.Annotations, have.foreign)
}

func agree(theirs, want map[string]string) bool {
	for key, value := range theirs {
		if wanted, ok := want[key]; ok && wanted != value {
			return false
		}
	}
	return true
}

// form is what the server made of a write of ours: defaults, what a webhook put
// in. It is the form that this content takes there (I9).
type form struct {
	wantContent, wantMetadata Hash
	haveContent, haveMetadata Hash
	stamped, generation       bool
}

func newForm(want *Shape, have *Record) *form {
	return &form{want.Content, want.Metadata, have.Content, have.Metadata, have.Stamped, have.Generation}
}

func (f *form) is(want *Shape, have *Record) bool {
	return f != nil && *f == *newForm(want, have)
}
