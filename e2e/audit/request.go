package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Request is one request that the API server received.
type Request struct {
	// Verb is get, list, watch, create, update, patch, delete or
	// deletecollection.
	Verb string
	// User is who asked, as the server knows them.
	User string
	// UserAgent is what the client calls itself.
	UserAgent string
	// Group and Resource name what was asked for: "" and "secrets",
	// "apps" and "deployments". Resource is empty for /version, /apis and such.
	Group, Resource string
	// Subresource is "status", "token" and so on; usually empty.
	Subresource string
	// Namespace and Name are empty where the request is for more than one.
	// Name is empty for a create that was refused before its content was read.
	Namespace, Name string
	// URI is the path with its query.
	URI string
	// Code is the HTTP status of the answer, 0 while there is none.
	Code int
	// Forbidden says that RBAC refused it; other refusals have the code 403 too.
	Forbidden bool
	// Received is when the server received it.
	Received time.Time

	answered bool
}

// String is the request in one line, for a failed test to print.
func (r Request) String() string {
	return fmt.Sprintf("%s %s %s %d (%s, %s)", r.Received.Format("15:04:05.000"), r.Verb, r.URI, r.Code, r.User, r.UserAgent)
}

// IsWrite reports whether the request was for changing something.
func (r Request) IsWrite() bool { return slices.Contains(Writes, r.Verb) }

// Requests is a list of requests in the order in which they were received.
type Requests []Request

// String is the requests with a line for each, for a failed test to print.
func (rs Requests) String() string {
	if len(rs) == 0 {
		return "no requests"
	}
	lines := make([]string, len(rs))
	for i, r := range rs {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}

// Where returns the requests that the filter lets through.
func (rs Requests) Where(f Filter) Requests {
	var found Requests
	for _, r := range rs {
		if f.matches(r) {
			found = append(found, r)
		}
	}
	return found
}

// Writes and Reads are the verbs of each sort. Watches are neither: a client
// keeps one open and opens it again now and then.
var (
	Writes = []string{"create", "update", "patch", "delete", "deletecollection"}
	Reads  = []string{"get", "list"}
)

// Filter chooses requests. An empty field lets everything through; those that
// are set must all agree.
type Filter struct {
	// User is the exact user name.
	User string
	// UserAgent is how the user agent begins.
	UserAgent string
	// Verbs are the verbs wanted.
	Verbs []string
	// Resources are the resources wanted, in the plural and without the group.
	Resources []string
	// Except are resources not wanted: a lease that is renewed, say.
	Except []string
	// Namespaces are the namespaces wanted.
	Namespaces []string
}

func (f Filter) matches(r Request) bool {
	return (f.User == "" || f.User == r.User) &&
		strings.HasPrefix(r.UserAgent, f.UserAgent) &&
		(len(f.Verbs) == 0 || slices.Contains(f.Verbs, r.Verb)) &&
		(len(f.Resources) == 0 || slices.Contains(f.Resources, r.Resource)) &&
		!slices.Contains(f.Except, r.Resource) &&
		(len(f.Namespaces) == 0 || slices.Contains(f.Namespaces, r.Namespace))
}
