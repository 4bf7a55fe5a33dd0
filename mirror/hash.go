package mirror

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Hash stands for content: equal hashes, no request (I3, I6).
type Hash [sha256.Size]byte

// String is the form of the annotation source-content-hash.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// HashContent hashes JSON-like content, whatever the order of its keys. Bytes are
// the texts that JSON has for them.
func HashContent(content map[string]any) Hash {
	hash, _ := hashContent(content)
	return hash
}

// hashContent is HashContent that also tells about how much memory the content takes.
func hashContent(content map[string]any) (Hash, int) {
	w := newHasher()
	w.value(content)
	size := w.size
	return w.sum(), size
}

// hashMetadata hashes labels and annotations, less the stamps, the mirror-id, which is
// another one for each mirror, and the keys of without.
func hashMetadata(labels, annotations map[string]string, without *Unmanaged) Hash {
	w := newHasher()
	w.strings(labels, func(key string) bool { _, foreign := without.label(key); return foreign })
	w.strings(annotations, func(key string) bool {
		_, foreign := without.annotation(key)
		return foreign || key == api.AnnotationMirrorID || slices.Contains(stamps, key)
	})
	return w.sum()
}

// hasher writes values in a form in which no two of them look alike: a tag, then
// the length or the fixed-size value, then the parts. It goes through a buffer,
// because a hash takes bytes, and a text as large as a Secret's would be copied
// whole to become some.
type hasher struct {
	h   hash.Hash
	buf *bufio.Writer
	// size is about what is taken by what was written.
	size int
}

// hashers are used again: each event makes two.
var hashers = sync.Pool{New: func() any {
	h := sha256.New()
	return &hasher{h: h, buf: bufio.NewWriterSize(h, 1<<10)}
}}

func newHasher() *hasher { return hashers.Get().(*hasher) }

// sum ends the hasher's use.
func (w *hasher) sum() (sum Hash) {
	_ = w.buf.Flush() // a hash never fails
	w.h.Sum(sum[:0])
	w.h.Reset()
	w.size = 0
	hashers.Put(w)
	return sum
}

// tagSize is about what a value takes beside its text: its part of a map, mostly.
const tagSize = 32

func (w *hasher) tag(tag byte, n uint64) {
	w.size += tagSize
	_ = w.buf.WriteByte(tag)
	_, _ = w.buf.Write(binary.BigEndian.AppendUint64(w.buf.AvailableBuffer(), n))
}

func (w *hasher) string(s string) {
	w.tag('s', uint64(len(s)))
	w.size += len(s)
	_, _ = w.buf.WriteString(s)
}

// bytes writes bytes as the text that JSON has for them, a piece at a time.
func (w *hasher) bytes(b []byte) {
	w.tag('s', uint64(base64.StdEncoding.EncodedLen(len(b))))
	w.size += len(b)
	for piece := range slices.Chunk(b, 192) { // 256 in base64
		if w.buf.Available() < 256 {
			_ = w.buf.Flush()
		}
		_, _ = w.buf.Write(base64.StdEncoding.AppendEncode(w.buf.AvailableBuffer(), piece))
	}
}

func (w *hasher) strings(m map[string]string, skip func(string) bool) {
	keys := slices.Sorted(maps.Keys(m))
	keys = slices.DeleteFunc(keys, skip)
	w.tag('m', uint64(len(keys)))
	for _, key := range keys {
		w.string(key)
		w.string(m[key])
	}
}

func (w *hasher) value(v any) {
	switch v := v.(type) {
	case map[string]any:
		w.tag('m', uint64(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.string(key)
			w.value(v[key])
		}
	case []any:
		w.tag('l', uint64(len(v)))
		for _, item := range v {
			w.value(item)
		}
	case map[string]string:
		w.strings(v, func(string) bool { return false })
	case map[string][]byte:
		w.tag('m', uint64(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.string(key)
			w.bytes(v[key])
		}
	case string:
		w.string(v)
	case bool:
		w.tag('b', map[bool]uint64{true: 1}[v])
	case nil:
		w.tag('0', 0)
	case int64:
		w.tag('i', uint64(v))
	case float64:
		w.float(v)
	default:
		// Not a type that JSON decodes to; its print is as good as any.
		w.string(fmt.Sprintf("%T %v", v, v))
	}
}

// float gives a whole number the form of an integer, which the server would
// answer with: 3.0 is stored as 3.
func (w *hasher) float(f float64) {
	if whole := math.Trunc(f); whole == f && math.Abs(f) < 1<<53 {
		w.tag('i', uint64(int64(whole)))
		return
	}
	w.tag('f', math.Float64bits(f))
}
