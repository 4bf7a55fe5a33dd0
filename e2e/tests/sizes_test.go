package tests

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestObjectsOfTheGreatestSizeAreMirrored: the server takes a mebibyte of data.
func TestObjectsOfTheGreatestSizeAreMirrored(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	secret := kit.Object("Secret", env.Namespace("src"), "large")
	binary := kit.Object(configMap, secret.Namespace, "large")
	a := env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply(kit.Source(secret, strings.Repeat("x", 1<<20), "target-namespaces=all"))
	bytes := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00\xff", 1<<18)))
	env.Apply(strings.Replace(kit.Source(binary, strings.Repeat("y", 1<<19), "target-namespaces=all"), `"data":`, `"binaryData":{"binary":"`+bytes+`"},"data":`, 1))
	for _, src := range []kit.Ref{secret, binary} {
		env.WaitFor(src, "is mirrored", kit.HasStatus("1/1 synced"))
		env.WaitFor(src.In(a), "is a copy", isCopyOf(env.Get(src)))
	}
	env.Patch(secret, `{"data":{"key":"`+base64.StdEncoding.EncodeToString([]byte(strings.Repeat("z", 1<<20)))+`"}}`)
	env.WaitFor(secret.In(a), "is a copy again", isCopyOf(env.Get(secret)))
}

// TestAnObjectTooLargeForTheMirrorsOwnMetadataIsReported has annotations that are
// just short enough on the source: those of the mirror are longer.
func TestAnObjectTooLargeForTheMirrorsOwnMetadataIsReported(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "large")
	a := env.Namespace("a")
	other := kit.Object(configMap, src.Namespace, "other")
	env.Start("--resource-types=ConfigMap.v1")
	const limit, key = 256 << 10, "example.com/filler"
	fill := func(room int) string {
		return fmt.Sprintf("%q:%q,", key, strings.Repeat("x", limit-len(key)-room))
	}
	with := func(filler string) string {
		return strings.Replace(source(src, "target-namespaces=all"), `"annotations":{`, `"annotations":{`+filler, 1)
	}
	env.Apply(with(fill(310)))
	env.WaitFor(src, "says what is wrong", statusHolds("0/1 synced: "+a+": ", "metadata.annotations"))
	env.WaitForEvent(src, "WriteRefused", a)
	env.Apply(source(other, "target-namespaces=all"))
	waitForMirrors(env, other, "a")
	env.Apply(with(fill(500)))
	env.WaitFor(src.In(a), "is a copy, now that there is room", isCopyOf(env.Get(src)))
	waitForMirrors(env, src, "a")

	t.Log("where the source has no room for a status either, its author is told by an event")
	src.Name = "larger"
	env.Apply(with(fill(120)))
	env.WaitForEvent(src, "WriteRefused", a)
}
