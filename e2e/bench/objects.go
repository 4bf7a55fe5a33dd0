package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

const (
	domain = "kubemirror.raczylo.com/"
	// rawDomain is as long, and nobody's: what the raw client writes has the size of a
	// mirror and is none.
	rawDomain = "kubemirror-raczylo.com/"
	// versionLabel tells the observer which version of an object it sees.
	versionLabel    = "bench/version"
	sourceNamespace = "bench-sources"
	targetPrefix    = "target-"
)

func isTarget(object metav1.Object, prefix string) bool {
	return strings.HasPrefix(object.GetNamespace(), targetPrefix) && strings.HasPrefix(object.GetName(), prefix)
}

func targetName(i int) string { return fmt.Sprintf("%s%04d", targetPrefix, i) }

// payload is random content of a size: nothing of it compresses.
func payload(size int) []byte {
	generator := rand.NewChaCha8([32]byte{byte(size)})
	data := make([]byte, size)
	_, _ = generator.Read(data) // it never fails
	return data
}

// secret is a Secret in JSON.
func secret(namespace, name string, labels, annotations map[string]string, size int) []byte {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"metadata": map[string]any{"namespace": namespace, "name": name, "labels": labels, "annotations": annotations},
		"data":     map[string]any{"payload": payload(size)},
	})
	if err != nil {
		panic(err) // maps of texts can't fail
	}
	return body
}

// source is one that asks for the namespaces given.
func source(name, version, targets string, size int) []byte {
	return secret(sourceNamespace, name,
		map[string]string{domain + "enabled": "true", versionLabel: version},
		map[string]string{domain + "sync": "true", domain + "target-namespaces": targets}, size)
}

// copyOf is what a mirror looks like when it is written, under the raw domain.
func copyOf(namespace, name, version string, size int) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{rawDomain + "mirror": "true", rawDomain + "managed-by": "kubemirror", versionLabel: version},
			Annotations: map[string]string{
				rawDomain + "mirror-id":               "secrets/" + namespace + "/" + name,
				rawDomain + "source-keys":             versionLabel,
				rawDomain + "source-namespace":        sourceNamespace,
				rawDomain + "source-name":             name,
				rawDomain + "source-uid":              "00000000-0000-0000-0000-000000000000",
				rawDomain + "source-content-hash":     strings.Repeat("0", 64),
				rawDomain + "source-resource-version": "10000",
				rawDomain + "last-sync-time":          "2006-01-02T15:04:05Z",
			},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{"payload": payload(size)},
	}
}

// copyWrite writes a copy in the form that the API server is fastest with: protobuf,
// and an answer that has the metadata alone.
func copyWrite(method, namespace, name, version string, size int) write {
	w := write{method: method, path: secretsPath(namespace), accept: metadataOnly}
	if method != http.MethodPost {
		w.path += "/" + name
	}
	if method != http.MethodDelete {
		w.path += "?fieldManager=raw" // a write by a controller names it
		var body bytes.Buffer
		if err := protobuf.NewSerializer(nil, nil).Encode(copyOf(namespace, name, version, size), &body); err != nil {
			panic(err) // it can be encoded
		}
		w.body, w.contentType = body.Bytes(), runtime.ContentTypeProtobuf
	}
	return w
}

// What is asked for where metadata will do: of one object, and of a list.
const (
	metadataOnly     = runtime.ContentTypeProtobuf + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	metadataListOnly = runtime.ContentTypeProtobuf + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

func secretsPath(namespace string) string { return "/api/v1/namespaces/" + namespace + "/secrets" }

// sourceWrites has n sources written with a method; names begin with prefix.
func sourceWrites(method, prefix, version, targets string, n, size int) []write {
	writes := make([]write, n)
	for i := range writes {
		name := fmt.Sprintf("%s%03d", prefix, i)
		writes[i] = write{method: method, path: secretsPath(sourceNamespace)}
		if method != http.MethodPost {
			writes[i].path += "/" + name
		}
		if method != http.MethodDelete {
			writes[i].body = source(name, version, targets, size)
		}
	}
	return writes
}

// changes are a change of the payload and the version of each of n sources. It
// leaves alone what the contender wrote there.
func changes(prefix, version string, n, size int) []write {
	writes := sourceWrites(http.MethodDelete, prefix, version, "", n, size)
	for i := range writes {
		data := bytes.Repeat([]byte(version), size/len(version))
		body, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"labels": map[string]any{versionLabel: version}},
			"data":     map[string]any{"payload": data},
		})
		if err != nil {
			panic(err) // maps of texts can't fail
		}
		writes[i].method, writes[i].body, writes[i].contentType = http.MethodPatch, body, "application/merge-patch+json"
	}
	return writes
}

// copyWrites has the copies of a load written, in the order of the sources.
func copyWrites(method, prefix, version string, l load) []write {
	writes := make([]write, 0, l.mirrors())
	for i := range l.sources {
		name := fmt.Sprintf("%s%03d", prefix, i)
		for j := range l.targets {
			writes = append(writes, copyWrite(method, targetName(j), name, version, l.size))
		}
	}
	return writes
}

// copiesIn has the copies of n sources created in one namespace.
func copiesIn(namespace string, n int) []write {
	writes := make([]write, n)
	for i := range writes {
		writes[i] = copyWrite(http.MethodPost, namespace, fmt.Sprintf("raw-%03d", i), "v1", fourKB)
	}
	return writes
}

// makeNamespaces makes the one of the sources and so many targets.
func (s *stage) makeNamespaces(ctx context.Context, targets int) error {
	return s.raw.all(ctx, append(targetWrites(0, targets), namespaceWrite(sourceNamespace)))
}

// targetWrites make the targets from one number to below another.
func targetWrites(from, to int) []write {
	var writes []write
	for i := from; i < to; i++ {
		writes = append(writes, namespaceWrite(targetName(i)))
	}
	return writes
}

func namespaceWrite(name string) write {
	body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
	return write{method: http.MethodPost, path: "/api/v1/namespaces", body: body}
}

// makeBystanders makes Secrets that have nothing to do with mirrors.
func (s *stage) makeBystanders(ctx context.Context, n, size int) error {
	writes := make([]write, n)
	for i := range writes {
		writes[i] = write{method: http.MethodPost, path: secretsPath("default"), body: secret("default", fmt.Sprintf("bystander-%d", i), nil, nil, size)}
	}
	return s.raw.all(ctx, writes)
}
