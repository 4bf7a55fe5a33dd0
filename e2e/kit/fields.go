package kit

import "strings"

// checkFields fails the test if a process has met an object of a built-in type with
// a field that it doesn't know: then it reads that type in JSON, which no test of what
// it costs would notice. Kubernetes' modules are older than the API server then.
func (e *Env) checkFields() {
	for _, k := range e.processes {
		if strings.Contains(k.Log(), "fields that this version doesn't know") {
			e.t.Errorf("%s knows less of a type than the API server: update k8s.io/api", k.User)
		}
	}
}
