package tests

import (
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func exampleCAConfigMap(ex example) {
	ex.Namespace("any")
	src := ex.apply("ca-configmap.yaml")
	mirror := kit.Object(configMap, ex.Name("any"), src.Name)
	ex.WaitFor(mirror, "has the certificate alone", hasText("ca.crt", "the certificate"))
	ex.Patch(src, `{"stringData":{"later.key":"the key once more"}}`)
	ex.Patch(src, `{"stringData":{"ca.crt":"the next certificate"}}`)
	ex.WaitFor(mirror, "follows, without what came later", hasText("ca.crt", "the next certificate"))
	lacksText(ex.t, ex.Get(mirror), "the key")
	ex.Delete(src)
	ex.WaitGone(src)
	ex.WaitGone(mirror)
}

func exampleStandIn(ex example) {
	ex.applyNamespace("team-blue")
	standIn := ex.apply("stand-in.yaml")
	ex.WaitFor(standIn, "waits for the operator", statusHolds("waiting: there is no secrets \"exampledb-app\""))
	operators := kit.RefTo(ex.Apply("{apiVersion: v1, kind: Secret, metadata: {namespace: default, name: exampledb-app, labels: {cluster: exampledb}}, " +
		"stringData: {host: db.default, user: app, password: secret, superuser: the other password}}"))
	mirror := operators.In("team-blue")
	ex.WaitFor(mirror, "has what applications need", hasText("host", "db.default", "user", "app", "password", "secret"))
	ex.WaitFor(standIn, "is in sync", kit.HasStatus("1/1 synced"))
	lacksText(ex.t, ex.Get(mirror), "the other password")
	untouched(ex.t, ex.Get(operators))
	ex.Delete(operators)
	ex.WaitGone(mirror)
	ex.Delete(standIn)
	ex.WaitGone(standIn)
	ex.Delete(kit.Object("Namespace", "", "team-blue"))
}

func exampleRequest(ex example) {
	ex.awaitTermination("team-blue")
	request := ex.apply("request.yaml")
	registry := kit.Object("Secret", "default", "registry")
	mirror := registry.In("team-blue")
	ex.WaitFor(mirror, "comes with consent", kit.Exists)
	ex.WaitFor(request, "is in sync", kit.HasStatus("1/1 synced"))
	ex.WaitFor(registry, "says who takes it", kit.HasStatus("0/0 synced, and handed out on request to 1"))
	ex.Delete(request)
	ex.WaitGone(mirror)
	ex.Delete(registry)
	ex.WaitGone(registry)
	ex.Delete(kit.Object("Namespace", "", "team-blue"))
}

func exampleWildcardCertificate(ex example) {
	ex.Namespace("web", allowMirrors+"=true")
	ex.Namespace("other")
	definition := ex.Apply(ex.read("crds/certificates.yaml"))
	certificate := ex.Get(ex.apply("wildcard-certificate.yaml"))
	src := kit.RefTo(ex.Apply(ex.asCertManager(certificate)))
	ex.WaitFor(src.In(ex.Name("web")), "has certificate and key", hasText("ca.crt", "the authority", "tls.crt", "the certificate", "tls.key", "the key"))
	if o := ex.Find(src.In(ex.Name("other"))); o != nil {
		ex.t.Error("it has gone to a namespace that doesn't ask for it")
	}

	ex.Patch(src, `{"stringData":{"tls.crt":"the renewed one"}}`)
	ex.WaitFor(src.In(ex.Name("web")), "is renewed", hasText("ca.crt", "the authority", "tls.crt", "the renewed one", "tls.key", "the key"))
	ex.deleteSource(src)
	ex.Delete(kit.RefTo(certificate))
	ex.deleteDefinition(definition)
}
