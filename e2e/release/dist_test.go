package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// dist is where "make release-dry" has made a release, and what it calls itself.
type dist struct{ dir, version, tag, commit string }

func made(t *testing.T) dist {
	t.Helper()
	d := dist{os.Getenv("DIST"), os.Getenv("VERSION"), os.Getenv("TAG"), os.Getenv("COMMIT")}
	if d.dir == "" {
		t.Skip("make release-dry runs this on what it has made")
	}
	return d
}

func (d dist) file(name string) string { return filepath.Join(d.dir, name) }

// platforms are those that programs are for.
var platforms = []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64", "windows_arm64"}

// programs are what is released for each of them.
var programs = []string{"kubemirror", "kubectl-mirror"}

// archive is the name of a program's archive for a platform.
func (d dist) archive(program, platform string) string {
	name := program + "_v" + d.tag + "_" + platform
	if strings.HasPrefix(platform, "windows") {
		return name + ".zip"
	}
	return name + ".tar.gz"
}

func (d dist) sbom(program, platform string) string {
	return program + "_v" + d.tag + "_" + platform + ".cdx.json"
}

func (d dist) chart() string { return "kubemirror-" + d.tag + ".tgz" }

func TestTheChecksumsAreThoseOfAllFilesOfTheRelease(t *testing.T) {
	d := made(t)
	listed := map[string]string{}
	for line := range strings.Lines(read(t, d.file("kubemirror_v"+d.tag+"_checksums.txt"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	want := []string{d.chart()}
	for _, platform := range platforms {
		for _, program := range programs {
			want = append(want, d.archive(program, platform), d.sbom(program, platform))
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(listed)); !slices.Equal(got, want) {
		t.Errorf("the checksums are of\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, sum := range listed {
		if got := digest(read(t, d.file(name))); got != sum {
			t.Errorf("the checksum of %s is %s, and %s is listed", name, got, sum)
		}
	}
}

func TestEveryArchiveHoldsTheProgramAndTheLicense(t *testing.T) {
	d := made(t)
	for name, beside := range map[string][]string{"kubemirror": {"LICENSE", "README.md"}, "kubectl-mirror": {"LICENSE"}} {
		for _, platform := range platforms {
			files, program := unpack(t, d.file(d.archive(name, platform))), name
			if strings.HasPrefix(platform, "windows") {
				program += ".exe"
			}
			want := append(slices.Clone(beside), program)
			if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
				t.Errorf("%s holds %q, want %q", d.archive(name, platform), got, want)
			}
			if platform == runtime.GOOS+"_"+runtime.GOARCH {
				if out := runProgram(t, files[program], map[string]string{"kubemirror": "version", "kubectl-mirror": "--version"}[name]); !strings.Contains(out, " "+d.version) {
					t.Errorf("the program of %s calls itself %q, want %s", platform, out, d.version)
				}
			}
		}
	}
}

func TestKrewInstallsThePluginFromTheArchivesOfTheRelease(t *testing.T) {
	d := made(t)
	var plugin struct {
		Metadata struct{ Name string }
		Spec     struct {
			Version   string
			Platforms []struct{ URI, SHA256, Bin string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, d.file("krew/mirror.yaml"))), &plugin); err != nil {
		t.Fatal(err)
	}
	if plugin.Metadata.Name != "mirror" || plugin.Spec.Version != "v"+d.tag || len(plugin.Spec.Platforms) != len(platforms) {
		t.Errorf("the manifest says %+v", plugin)
	}
	for _, p := range plugin.Spec.Platforms {
		archive := read(t, d.file(filepath.Base(p.URI)))
		if !strings.HasPrefix(p.URI, "https://github.com/lukaszraczylo/kubemirror/releases/download/v"+d.tag+"/") || p.SHA256 != digest(archive) || !strings.HasPrefix(p.Bin, "kubectl-mirror") {
			t.Errorf("one of its platforms is %+v", p)
		}
	}
}

// The image's program can be checked against the signed checksums.
func TestTheProgramsForLinuxAreThoseOfTheImage(t *testing.T) {
	d := made(t)
	for _, architecture := range architectures {
		archived := unpack(t, d.file(d.archive("kubemirror", "linux_"+architecture)))["kubemirror"]
		if imaged := read(t, build(t, architecture, d.version, d.commit)); digest(archived) != digest(imaged) {
			t.Errorf("for %s, the archive's program and the image's differ", architecture)
		}
	}
}

func TestEverySBOMNamesWhatTheProgramIsMadeOf(t *testing.T) {
	d := made(t)
	for _, platform := range platforms {
		for _, program := range programs {
			checkSBOM(t, d.file(d.sbom(program, platform)))
		}
	}
}

func checkSBOM(t *testing.T, file string) {
	t.Helper()
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(read(t, file)), &bom); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"k8s.io/client-go v0.37", "std go1."} {
		if !slices.ContainsFunc(bom.Components, func(c struct{ Name, Version string }) bool {
			return strings.HasPrefix(c.Name+" "+c.Version, want)
		}) {
			t.Errorf("%s has %d components, and none is %s", file, len(bom.Components), want)
		}
	}
	if bom.Format != "CycloneDX" {
		t.Errorf("%s has the format %q", file, bom.Format)
	}
}

func TestTheChartInstallsTheImageOfItsOwnVersion(t *testing.T) {
	d := made(t)
	var chart struct{ Name, Version, AppVersion string }
	if err := yaml.Unmarshal([]byte(unpack(t, d.file(d.chart()))["kubemirror/Chart.yaml"]), &chart); err != nil {
		t.Fatal(err)
	}
	if chart.Name != "kubemirror" || chart.Version != d.tag || chart.AppVersion != d.tag {
		t.Errorf("it is %+v, want the version %s", chart, d.tag)
	}
}

// unpack reads the files of an archive.
func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	files := map[string]string{}
	text := read(t, file)
	if strings.HasSuffix(file, ".zip") {
		z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			files[f.Name] = readAll(t, r)
		}
		return files
	}
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = readAll(t, r)
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// runProgram runs a program that is in memory, and returns what it prints.
func runProgram(t *testing.T, program string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubemirror")
	if err := os.WriteFile(file, []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), file, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("run %s: %v: %s", file, err, bytes.TrimSpace(out))
	}
	return string(out)
}
