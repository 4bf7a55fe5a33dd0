package audit

// Policy is the server's audit policy (--audit-policy-file): every request,
// without its content, when it arrives and when it is answered. What the server
// asks of itself is left out: it is much, and nobody counts it.
//
// It goes with --audit-log-mode=blocking: a request is handled only after its
// arrival is on file.
const Policy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: ["system:apiserver"]
- level: None
  nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"]
- level: Metadata
`

// PolicyWithContent is Policy that also has what each write sent, and the object that
// came of it: what Writes reads. It makes the log many times as long, so nobody should
// measure with it.
const PolicyWithContent = `apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: None
  users: ["system:apiserver"]
- level: None
  nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"]
- level: Metadata
  resources:
  - {group: "", resources: [events]}
  - {group: events.k8s.io}
  - {group: coordination.k8s.io}
- level: RequestResponse
  verbs: [create, update, patch, delete]
- level: Metadata
`
