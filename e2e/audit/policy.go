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
