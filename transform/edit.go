package transform

import (
	"fmt"
	"maps"
	"slices"
)

// find walks from the top to the place that p names, changing nothing. It
// returns what is there and whether anything is, or why there can't be
// anything: then nothing can be put there either. A map that is missing on the
// way is no error, since put makes it.
func find(top map[string]any, p path) (found any, there bool, err error) {
	found = top
	for i, s := range p {
		switch in := found.(type) {
		case nil:
			if s.isIndex {
				return nil, false, fmt.Errorf("%s has a length of 0, so there is no [%d]", p[:i], s.index)
			}
			there = false
		case map[string]any:
			if s.isIndex {
				return nil, false, fmt.Errorf("%s is a map: name a key instead of [%d]", p[:i], s.index)
			}
			found, there = in[s.key]
		case []any:
			if !s.isIndex {
				return nil, false, fmt.Errorf("%s is a list: name an element, as in [0]", p[:i])
			}
			at, ok := s.in(in)
			if !ok {
				return nil, false, fmt.Errorf("%s has a length of %d, so there is no [%d]", p[:i], len(in), s.index)
			}
			found, there = in[at], true
		default:
			return nil, false, fmt.Errorf("%s is a single value: nothing can be below it", p[:i])
		}
	}
	return found, there, nil
}

// in tells which element of the list the segment means, if there is one.
func (s segment) in(list []any) (at int, ok bool) {
	at = s.index
	if at < 0 {
		at += len(list)
	}
	return at, at >= 0 && at < len(list)
}

// resolved is the path with each element of a list by its number from the start, as far
// as there is something.
func resolved(top any, p path) path {
	r := slices.Clone(p)
	for i, s := range p {
		switch in := top.(type) {
		case map[string]any:
			top = in[s.key]
		case []any:
			at, ok := s.in(in)
			if !s.isIndex || !ok {
				return r
			}
			r[i].index, top = at, in[at]
		default:
			return r
		}
	}
	return r
}

// mine remembers which maps and lists one Apply has made or copied, so that
// each is copied once however many rules write to it. It has the shape of the
// object; what it doesn't mention is shared with others and never written.
type mine struct {
	copied bool
	below  map[segment]*mine
}

func (m *mine) at(s segment) *mine {
	if m.below == nil {
		m.below = make(map[segment]*mine)
	}
	if m.below[s] == nil {
		m.below[s] = new(mine)
	}
	return m.below[s]
}

// share notes that what is at a resolved path is in another place as well from now on:
// what is written to in one must not show in the other.
func (m *mine) share(p path) {
	for _, s := range p {
		if m = m.below[s]; m == nil {
			return
		}
	}
	*m = mine{}
}

// ownMap returns node as a map that may be written to; an empty one where node
// isn't a map.
func (m *mine) ownMap(node any) map[string]any {
	own, _ := node.(map[string]any)
	if !m.copied {
		own = maps.Clone(own)
	}
	if own == nil {
		own = make(map[string]any)
	}
	m.copied = true
	return own
}

// ownList returns node as a list that may be written to.
func (m *mine) ownList(node any) []any {
	own, _ := node.([]any)
	if !m.copied {
		own = slices.Clone(own)
	}
	m.copied = true
	return own
}

// put returns node with the value at p set, merged or removed. It can't fail:
// find has been there before, and so no rule stops half way.
func put(node any, m *mine, p path, do action, value any) any {
	if len(p) == 0 {
		if do == mergeMap {
			patch, _ := value.(map[string]any)
			return merge(node, m, patch)
		}
		*m = mine{}
		return value
	}
	s, last := p[0], len(p) == 1
	if !s.isIndex {
		own := m.ownMap(node)
		if last && do == remove {
			delete(own, s.key)
			delete(m.below, s)
			return own
		}
		own[s.key] = put(own[s.key], m.at(s), p[1:], do, value)
		return own
	}
	own := m.ownList(node)
	at, _ := s.in(own)
	if last && do == remove {
		m.below = nil // all that follow move
		return slices.Delete(own, at, at+1)
	}
	own[at] = put(own[at], m.at(segment{index: at, isIndex: true}), p[1:], do, value)
	return own
}

// merge puts every key of patch into node: maps are merged, all else replaced.
func merge(node any, m *mine, patch map[string]any) map[string]any {
	own := m.ownMap(node)
	for key, v := range patch {
		s := segment{key: key}
		below, isMap := v.(map[string]any)
		if _, there := own[key].(map[string]any); isMap && there {
			own[key] = merge(own[key], m.at(s), below)
			continue
		}
		own[key] = v
		delete(m.below, s)
	}
	return own
}
