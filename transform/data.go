package transform

import (
	"encoding/base64"
	"errors"
)

// dataKind says what the data of an object holds. It matters for the two kinds
// whose data is a flat map of text: there, anything else would have the server
// refuse the whole mirror.
type dataKind int

const (
	anyData    dataKind = iota
	textData            // of a ConfigMap
	secretData          // of a Secret: base64 of any bytes
)

var errBinaryData = errors.New("binaryData holds base64 by plain keys: encode the value, in a template with b64enc")

var errDataOnly = errors.New(`data holds text by plain keys: put the value in quotes, and a key that has dots as in data["tls.key"]`)

func dataKindOf(object map[string]any) dataKind {
	if object["apiVersion"] != "v1" {
		return anyData
	}
	switch object["kind"] {
	case "ConfigMap":
		return textData
	case "Secret":
		return secretData
	}
	return anyData
}

// foldStringData moves stringData of a Secret into data, where it wins, as the
// server does: a rule that takes a key away must not leave it in the other.
func (e *editing) foldStringData() error {
	from, there := e.object["stringData"]
	if !there {
		return nil
	}
	plain, isText := textsOf(from)
	if from != nil && !isText {
		return errors.New("stringData holds something else than text")
	}
	at := path{{key: "data"}}
	if data, _, _ := find(e.object, at); data != nil {
		if _, isMap := data.(map[string]any); !isMap {
			return errors.New("data is not a map")
		}
	}
	e.put(path{{key: "stringData"}}, remove, nil)
	if len(plain) > 0 {
		e.put(at, mergeMap, encodeAll(plain))
	}
	return nil
}

// place returns where a rule's path leads. A Secret has no stringData once it is
// folded, so a rule for it is one for data: otherwise a deletion there would
// find nothing and leave the key in the mirror.
func (d dataKind) place(p path) path {
	if d == secretData && p[0].key == "stringData" {
		return append(path{{key: "data"}}, p[1:]...)
	}
	return p
}

// checkPlace refuses places below a key of data or binaryData, and elements.
func (d dataKind) checkPlace(p path) error {
	if d == anyData || len(p) == 1 || len(p) == 2 && !p[1].isIndex {
		return nil
	}
	switch p[0].key {
	case "data":
		return errDataOnly
	case "binaryData":
		if d == textData {
			return errBinaryData
		}
	}
	return nil
}

// holdsBytes reports whether a value at p may hold any bytes.
func (d dataKind) holdsBytes(p path) bool {
	return d == secretData && p[0].key == "data"
}

// encode returns the value as the server wants it at p, which checkPlace let
// through: in data of a Secret as base64. In binaryData of a ConfigMap it has to be
// that already.
func (d dataKind) encode(p path, value any) (any, error) {
	if d == textData && p[0].key == "binaryData" {
		return value, checkBinary(p, value)
	}
	if d == anyData || p[0].key != "data" {
		return value, nil
	}
	if len(p) == 1 {
		plain, ok := textsOf(value)
		switch {
		case !ok:
			return nil, errDataOnly
		case d == secretData:
			return encodeAll(plain), nil
		}
		return value, nil
	}
	plain, ok := value.(string)
	switch {
	case !ok:
		return nil, errDataOnly
	case d == secretData:
		return encode64(plain), nil
	}
	return value, nil
}

// checkBinary refuses what the server could not read in binaryData.
func checkBinary(p path, value any) error {
	texts := map[string]string{}
	switch text, isText := value.(string); {
	case len(p) == 1:
		var ok bool
		if texts, ok = textsOf(value); !ok {
			return errBinaryData
		}
	case len(p) > 2 || p[1].isIndex || !isText:
		return errBinaryData
	default:
		texts[p[1].key] = text
	}
	for _, text := range texts {
		if _, err := base64.StdEncoding.DecodeString(text); err != nil {
			return errBinaryData // the error would quote a byte of it
		}
	}
	return nil
}

// encodeAll encodes a map of text.
func encodeAll(plain map[string]string) map[string]any {
	encoded := make(map[string]any, len(plain))
	for key, v := range plain {
		encoded[key] = encode64(v)
	}
	return encoded
}

func encode64(plain string) string {
	return base64.StdEncoding.EncodeToString([]byte(plain))
}
