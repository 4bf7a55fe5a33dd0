package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the three files of the page
	"encoding/base64"
	"html/template"
	"io"
	"time"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

var (
	//go:embed page.html
	markup string
	//go:embed page.css
	style template.CSS
	//go:embed page.js
	script template.JS

	skeleton = template.Must(template.New("page").Parse(markup))
)

// About is what a page says of itself.
type About struct {
	// Title says which sources are on it.
	Title string
	// Flags says where the controller's flags are from that decided.
	Flags string
	// Made is when the cluster was read; ages are counted up to it.
	Made time.Time
}

// Render writes the page, all of it or, on an error of its own, nothing.
func Render(w io.Writer, reports []explain.Report, about About) error {
	var page bytes.Buffer
	err := skeleton.Execute(&page, map[string]any{
		"Title": about.Title, "Policy": policy(), "Style": style, "Script": script, "Data": newData(reports, about),
	})
	if err != nil {
		return err
	}
	_, err = page.WriteTo(w)
	return err
}

// policy has the browser refuse all that isn't this page's own, whatever a name in it says.
func policy() string {
	return "default-src 'none'; style-src '" + digest(string(style)) + "'; script-src '" + digest(string(script)) +
		"'; base-uri 'none'; form-action 'none'"
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
