package mirror

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Problem is why a mirror is not as it should be, in words for the source's
// author: in the status, in an event, in a log line. It never holds content (I8).
type Problem struct {
	// Reason is one word for programs: the event's reason, the metric's label.
	Reason string
	// Text is for people: what is wrong and what to do.
	Text string
	// Failed says that the mirror is not in sync; otherwise it is, but for what the
	// text says.
	Failed bool
}

// Reasons of problems; they stand in events.
const (
	ReasonInvalid       = "InvalidAnnotation"
	ReasonRefused       = "SourceRefused"
	ReasonTransform     = "TransformFailed"
	ReasonForeign       = "ForeignObject"
	ReasonTaken         = "NameTaken"
	ReasonContested     = "MirrorContested"
	ReasonConsent       = "InvalidConsent"
	ReasonOverLimit     = "TargetLimitExceeded"
	ReasonWriteRefused  = "WriteRefused"
	ReasonServerTrouble = "ServerError"
	ReasonNoAuthor      = "AuthorUnknown"
	ReasonMayNot        = "AuthorMayNot"
	ReasonNotMirrored   = "TypeNotMirrored"
	ReasonMissing       = "NothingToMirror"
)

// Reasons of events that tell what was done, or what is no source, and not what is wrong
// with a source.
const (
	ReasonDeleted   = "MirrorDeleted"
	ReasonHalfAsked = "SyncMissing"
)

// Reasons has those of problems, for metrics.
var Reasons = []string{ReasonInvalid, ReasonRefused, ReasonTransform, ReasonForeign, ReasonTaken,
	ReasonContested, ReasonConsent, ReasonOverLimit, ReasonWriteRefused, ReasonServerTrouble, ReasonNoAuthor, ReasonMayNot, ReasonNotMirrored, ReasonMissing}

func transformFailed(text string, failed bool) Problem {
	return Problem{Reason: ReasonTransform, Text: "transform: " + text, Failed: failed}
}

// ForeignObject is told where an object that is no mirror has the name of one.
func ForeignObject(kind, name string) Problem {
	return Problem{Reason: ReasonForeign, Failed: true,
		Text: fmt.Sprintf("%s %q is there and is no mirror of this source; delete or rename it, or set %s", kind, name, api.AnnotationTargetName)}
}

// NameTaken is told where the mirror of another source has the name of one.
func NameTaken(kind, name, by string) Problem {
	return Problem{Reason: ReasonTaken, Failed: true,
		Text: fmt.Sprintf("%s %q is there as the mirror of %s; narrow the targets of one of the two, or set %s", kind, name, by, api.AnnotationTargetName)}
}

// NotMirrored is told where mirrors would be of a type that the controller leaves alone.
func NotMirrored(resource schema.GroupResource) Problem {
	return Problem{Reason: ReasonNotMirrored, Failed: true,
		Text: fmt.Sprintf("%s is no type that is mirrored here; see --resource-types", resource)}
}

// Meanwhile adds to why a mirror can't be made under its name that those under these
// former names stay until it can.
func (p Problem) Meanwhile(names []string) Problem {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	slices.Sort(quoted)
	p.Text += "; until then its mirror stays, and is kept up to date, under the former name " + strings.Join(quoted, ", ")
	return p
}

// overLimit tells of targets that are left out; own says that the limit is the
// source's own.
func overLimit(over, limit int, own bool) Problem {
	raise := "have --max-targets raised"
	if own {
		raise = "raise " + api.AnnotationMaxTargets
	}
	return Problem{Reason: ReasonOverLimit,
		Text: fmt.Sprintf("%d over the maximum targets of %d; ask for fewer, or %s", over, limit, raise)}
}

// Contested is told of a mirror that somebody else keeps changing, making or deleting.
func Contested(text string) Problem {
	return Problem{Reason: ReasonContested, Failed: true, Text: text}
}

// IsContested reports whether a problem is one of Contested.
func IsContested(p Problem) bool { return p.Reason == ReasonContested }

// UnclearConsent is told where a namespace's own words can't be read, to those whose
// mirrors it concerns.
func UnclearConsent(text string) Problem {
	return Problem{Reason: ReasonConsent, Failed: true,
		Text: "the namespace's " + text + "; until that is mended nothing comes in, and what is there stays as it is"}
}

// HalfAsked is told of an object that has the label of a source and not the annotation,
// which is all that can be known of what its author wants.
func HalfAsked() Problem {
	return Problem{Reason: ReasonHalfAsked,
		Text: fmt.Sprintf(`it has the label %s and no annotation %s, so it isn't mirrored; set the annotation to "true", or to "false" where that is meant`, api.LabelEnabled, api.AnnotationSync)}
}

// WriteProblem says why the server refused a write, without a word of what was
// written: its messages quote values, so only what is known to be free of them is
// passed on.
func WriteProblem(verb string, err error) Problem {
	p := Problem{Reason: ReasonWriteRefused, Failed: true}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return Problem{Reason: ReasonServerTrouble, Failed: true, Text: verb + ": no answer from the API server; it is tried again"}
	}
	s := status.Status()
	switch {
	case apierrors.IsInvalid(err):
		p.Text = verb + ": the server finds it invalid"
		if fields := causes(s.Details); fields != "" {
			p.Text += fields
		} else {
			p.Text += refusedBy(s.Message) // a policy says so too, and names no field
		}
	case apierrors.IsForbidden(err):
		p.Text = verb + ": forbidden" + refusedBy(s.Message)
	case apierrors.IsBadRequest(err):
		p.Text = verb + ": the server can't read it" + refusedBy(s.Message) + "; check what the rules put where"
	case apierrors.IsRequestEntityTooLargeError(err):
		p.Text = verb + ": the object is too large for the server"
	case apierrors.IsUnauthorized(err): // the fault is ours, and no author's
		p.Reason = ReasonServerTrouble
		p.Text = verb + ": the API server doesn't take the controller's credentials (401), which may be in the middle of being replaced; it is tried again"
	case s.Code >= 500 || apierrors.IsTooManyRequests(err) || apierrors.IsTimeout(err):
		p.Reason = ReasonServerTrouble
		p.Text = fmt.Sprintf("%s: the server answered %d%s; it is tried again", verb, s.Code, refusedBy(s.Message))
	default:
		p.Text = fmt.Sprintf("%s: the server answered %d%s", verb, s.Code, refusedBy(s.Message))
	}
	return p
}

// causes lists the fields that the server names, and not what it says of them.
func causes(details *metav1.StatusDetails) string {
	if details == nil {
		return ""
	}
	var fields []string
	for _, cause := range details.Causes {
		if cause.Field != "" && len(fields) < 3 {
			fields = append(fields, strings.TrimPrefix(string(cause.Type), "FieldValue")+" "+cause.Field)
		}
	}
	if len(fields) == 0 {
		return ""
	}
	return " (" + strings.Join(fields, ", ") + ")"
}

var lacksRight = regexp.MustCompile(`User "[^"]*" cannot [a-z]+ resource "[^"]*" in API group "[^"]*"`)

// known are the parts of refusals that tell who refused, each with nothing of the
// object in it.
var known = []*regexp.Regexp{
	lacksRight,
	regexp.MustCompile(`exceeded quota: [a-z0-9.-]+`),
	regexp.MustCompile(`admission webhook "[^"]*"`),
	regexp.MustCompile(`failed calling webhook "[^"]*"`),
	regexp.MustCompile(`ValidatingAdmissionPolicy '[^']*'`),
	regexp.MustCompile(`unknown field "[A-Za-z0-9_.\[\]-]*"`),
}

func refusedBy(message string) string {
	for _, pattern := range known {
		if found := pattern.FindString(message); found != "" {
			return ": " + found
		}
	}
	return ""
}

// LacksRight reports whether the server refused a write because the authorizer grants no
// right to it. No admission plugin or policy says it in these words.
func LacksRight(err error) bool {
	status := apierrors.APIStatus(nil)
	return apierrors.IsForbidden(err) && errors.As(err, &status) && lacksRight.MatchString(status.Status().Message)
}

// NamespaceGoing reports whether a write failed because its namespace is going or
// gone, which is nobody's problem.
func NamespaceGoing(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// KindGoing reports whether a create failed because the definition of its kind is being
// deleted, and all objects of the kind with it, which is nobody's problem either.
// The server has no word for programs for it.
func KindGoing(err error) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && strings.HasSuffix(status.Status().Message, "not allowed while custom resource definition is terminating")
}
