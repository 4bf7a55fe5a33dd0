// Package kit lets end-to-end tests read like prose.
//
// Run, called by TestMain, starts one control plane for all tests of a package
// and builds kubemirror once. Each test asks for an Env (New): its own name
// prefix, its own namespaces, and kubemirror processes that mirror among these
// alone, so that tests may run in parallel on one API server.
//
// When a test ends, the API server's log is searched for writes of its processes to what
// isn't KubeMirror's own (package record); one fails the test.
//
// Whatever goes wrong in a helper fails the test; helpers return no errors. A
// wait has a deadline and never just sleeps. When a test fails, the log of each
// of its kubemirror processes is printed; "go test -artifacts" keeps them whole.
//
// Go does not know that these tests depend on the product's sources, and would
// answer from its cache: run them with -count=1, as "make test-e2e" does.
//
//	func TestMain(m *testing.M) { kit.Run(m) }
//
//	func TestAChangeReachesTheMirror(t *testing.T) {
//		env := kit.New(t)
//		app, db := env.Namespace("app"), env.Namespace("db")
//		km := env.Start()
//		env.Apply(`...`)
//		mirror := kit.Object("Secret", db, "credentials")
//		env.WaitFor(mirror, "is there", kit.Exists)
//		...
//	}
package kit
