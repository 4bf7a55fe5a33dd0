package kube

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// message is an object that can be read from protobuf.
type message interface {
	runtime.Object
	Unmarshal(data []byte) error
	Size() int
}

// messages has the types that are watched in protobuf, which costs the server and
// this process a fraction of what JSON does: those that most mirrors are of. Each
// makes an empty object.
var messages = map[schema.GroupVersionResource]func() message{
	{Version: "v1", Resource: "secrets"}:    func() message { return &corev1.Secret{} },
	{Version: "v1", Resource: "configmaps"}: func() message { return &corev1.ConfigMap{} },
}

// streamProtobuf watches whole objects of one of these types in protobuf. Outgrown is
// called when an object has more to it than this program knows of the type, which
// ends the watch; the type is to be read in JSON from there on.
func streamProtobuf(ctx context.Context, server rest.Interface, resource schema.GroupVersionResource, options metav1.ListOptions, outgrown func()) (watch.Interface, error) {
	body, err := open(ctx, server, resource, options, runtime.ContentTypeProtobuf)
	if err != nil {
		return nil, err
	}
	return watch.NewStreamWatcher(&frames{body: body, empty: messages[resource], outgrown: func() {
		klog.FromContext(ctx).Info("The API server has fields that this version doesn't know; this type is read in JSON from now on, at a higher cost. Look for a newer version of the controller", "resource", resource.Resource)
		outgrown()
	}}, clientErrors), nil
}

// frames reads a watch in protobuf from the body of its response: one message after
// the other, each behind its length in four bytes. The messages are those of
// k8s.io/apimachinery/pkg/apis/meta/v1 and k8s.io/apimachinery/pkg/runtime.
type frames struct {
	body     io.ReadCloser
	empty    func() message
	outgrown func()
	buffer   []byte
}

// Decode implements watch.Decoder.
func (f *frames) Decode() (watch.EventType, runtime.Object, error) {
	event, err := f.next()
	if err != nil {
		return "", nil, err
	}
	kind, err := field(event, eventType)
	if err != nil {
		return "", nil, err
	}
	content, err := field(event, eventObject, extensionRaw)
	if err != nil {
		return "", nil, err
	}
	if len(content) < len(magic) || string(content[:len(magic)]) != magic {
		return "", nil, errors.New("an object is not in the form that the server was asked for")
	}
	if content, err = field(content[len(magic):], unknownRaw); err != nil {
		return "", nil, err
	}
	object, err := f.object(watch.EventType(kind), content)
	return watch.EventType(kind), object, err
}

// object reads what comes with an event. Of what was deleted, only which it was is of
// interest.
func (f *frames) object(event watch.EventType, content []byte) (runtime.Object, error) {
	switch event {
	case watch.Error:
		status := &metav1.Status{}
		return status, status.Unmarshal(content)
	case watch.Deleted:
		gone := &metav1.PartialObjectMetadata{}
		return gone, gone.Unmarshal(content)
	}
	object := f.empty()
	if err := object.Unmarshal(content); err != nil {
		return nil, err
	}
	if object.Size() < len(content) { // what is not known is passed over
		f.outgrown()
		return nil, io.EOF
	}
	return object, nil
}

// Close implements watch.Decoder.
func (f *frames) Close() { _ = f.body.Close() }

// mostFrame is the longest message that is read, in bytes; client-go has the same.
const mostFrame = 16 << 20

// next reads a message. It is good until the next one.
func (f *frames) next() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(f.body, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > mostFrame {
		return nil, fmt.Errorf("a message of %d bytes is longer than any that the server sends", n)
	}
	if int(n) > len(f.buffer) {
		f.buffer = make([]byte, n)
	}
	_, err := io.ReadFull(f.body, f.buffer[:n])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // there should have been more
	}
	return f.buffer[:n], err
}

// magic comes before each object.
const magic = "k8s\x00"

// The fields that lead to an object, by message: WatchEvent, RawExtension, Unknown.
const (
	eventType    protowire.Number = 1
	eventObject  protowire.Number = 2
	extensionRaw protowire.Number = 1
	unknownRaw   protowire.Number = 2
)

// field returns the bytes of a field, or of a field of the message in a field; none
// where it isn't there. Nothing is copied: objects can be large.
func field(message []byte, path ...protowire.Number) ([]byte, error) {
	for _, number := range path {
		found, err := fieldOf(message, number)
		if err != nil {
			return nil, err
		}
		message = found
	}
	return message, nil
}

func fieldOf(message []byte, wanted protowire.Number) ([]byte, error) {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		message = message[size:]
		if number == wanted && kind == protowire.BytesType {
			value, size := protowire.ConsumeBytes(message)
			if size < 0 {
				return nil, protowire.ParseError(size)
			}
			return value, nil
		}
		if size = protowire.ConsumeFieldValue(number, kind, message); size < 0 {
			return nil, protowire.ParseError(size)
		}
		message = message[size:]
	}
	return nil, nil
}
