package release

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// descriptor, index, manifest and config are what the OCI image format says, as
// far as the test reads it.
type descriptor struct {
	Digest   string
	Size     int
	Platform struct{ Architecture, OS string }
}

type index struct{ Manifests []descriptor }

type manifest struct {
	Config descriptor
	Layers []descriptor
}

type config struct {
	Architecture, OS string
	Config           struct {
		User       string
		Entrypoint []string
		Env        []string
	}
}

// blob reads a file of an OCI layout.
func blob[T any](t *testing.T, d dist, digest string) (content T) {
	t.Helper()
	file := d.file("image/blobs/" + strings.Replace(digest, ":", "/", 1))
	if err := json.Unmarshal([]byte(read(t, file)), &content); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	return content
}

func TestTheImageIsForBothArchitecturesAndHasOneSmallLayer(t *testing.T) {
	d := made(t)
	text, err := os.ReadFile(d.file("image/index.json"))
	if err != nil {
		t.Skip("no image was built: it takes a Docker")
	}
	var top index
	if err := json.Unmarshal(text, &top); err != nil || len(top.Manifests) != 1 {
		t.Fatalf("the layout has %d images, %v", len(top.Manifests), err)
	}
	var found []string
	for _, image := range blob[index](t, d, top.Manifests[0].Digest).Manifests {
		m := blob[manifest](t, d, image.Digest)
		c := blob[config](t, d, m.Config.Digest)
		found = append(found, c.OS+"/"+c.Architecture)
		if c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/kubemirror"}) {
			t.Errorf("for %s it runs %q as %q", c.Architecture, c.Config.Entrypoint, c.Config.User)
		}
		if len(m.Layers) != 1 || m.Layers[0].Size >= largest {
			t.Errorf("for %s it has the layers %v", c.Architecture, m.Layers)
		}
	}
	if slices.Sort(found); !slices.Equal(found, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("it is for %q", found)
	}
}
