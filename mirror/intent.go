package mirror

// Intent is what a source has to say about one namespace.
type Intent int

const (
	// IntentUnknown says that not enough is known to say.
	IntentUnknown Intent = iota
	// IntentRetain says that whatever is there stays as it is.
	IntentRetain
	// IntentUnclear says that whatever is there stays as it is, since the namespace's word can't be
	// read.
	IntentUnclear
	// IntentAbsent says that no mirror is to be there.
	IntentAbsent
	// IntentPresent says that a mirror is to be there.
	IntentPresent
)

// Intent is what the source wants in a namespace (nil: there is no such namespace). Wants
// says whether the namespace is one of its targets within the limit (Selection.Wants).
// A nil source is one that is gone.
func (s *Source) Intent(ns *Namespace, wants func() bool) Intent {
	switch {
	case s == nil, s.Deleting, s.Mode < Stopped:
		return IntentAbsent
	case ns == nil, ns.Terminating:
		return IntentRetain // its content goes with it
	case s.OriginUnclear:
		return IntentRetain // nor is it known whether the namespace lets that in
	case ns.Consent(s.From()) == ConsentRefused:
		return IntentAbsent // whatever the source asks for
	case ns.Consent(s.From()) == ConsentUnclear:
		return IntentUnclear
	case s.Mode != On, s.Awaits:
		return IntentRetain
	case wants():
		return IntentPresent
	}
	return IntentAbsent
}

// Selects reports whether a namespace is one that the source asks for, that lets it in,
// and that the flags allow.
func (s *Settings) Selects(src *Source, ns *Namespace) bool {
	return ns != nil && s.TargetAllowed(ns.Name) && ns.Admits(src.From()) && src.Targets.Match(ns)
}

// Missing lists the namespaces that a source asks for by name and that aren't there, where
// the flags allow them: there says which are.
func (s *Settings) Missing(src *Source, there func(name string) bool) []string {
	var missing []string
	for _, name := range src.Targets.Names() {
		if !there(name) && name != src.Namespace && s.TargetAllowed(name) && src.Targets.Match(&Namespace{Identity: Identity{Name: name}}) {
			missing = append(missing, name)
		}
	}
	return missing
}

// ClaimedBy says what is in the place of a mirror if that is another's, or nobody's that
// we may change: nil where it is the source's own, or may be taken over (I1). Owner is the
// source whose it is, which its UID tells before its name.
func (d Draft) ClaimedBy(have *Record, owner SourceKey) *Problem {
	p := ForeignObject(d.Source.Mirrors.Kind, d.Name)
	switch {
	case have.Standing == Adoptable && have.Names(d.Source), have.Standing.IsMirror() && owner == d.Source.SourceKey():
		return nil
	case have.Standing.IsMirror() && owner.Name != "":
		p = NameTaken(d.Source.Mirrors.Kind, d.Name, owner.Among(have.Resource()))
	}
	return &p
}
