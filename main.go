// Command kubemirror keeps copies of labelled Kubernetes objects in other
// namespaces. See README.md for what it does, and CONTRIBUTING.md for how it is
// built.
//
// This package reads the flags, wires the rooms together and starts and stops them
// in order. It decides nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/kube"
)

// Exit statuses (contract, "Exit status").
const (
	exitDone  = 0
	exitFault = 1
	exitUsage = 2
)

// release and revision are set by the linker in release builds.
var release, revision string

// version is what `kubemirror version` prints, and the user agent says.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// commit is the revision that the binary was built from, where the build knows it.
func commit() string {
	if revision != "" {
		return revision
	}
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "unknown"
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // who asks a second time doesn't want to wait
	status := start(ctx, os.Args[1:])
	stop()
	klog.Flush()
	os.Exit(status)
}

func start(ctx context.Context, args []string) int {
	if len(args) == 1 && args[0] == "version" {
		fmt.Printf("kubemirror %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return exitDone
	}
	if len(args) > 0 && args[0] == "cleanup" {
		return startCleanup(ctx, args[1:])
	}
	o, err := parse(args, os.Stdout)
	if errors.Is(err, errHelp) {
		return exitDone
	}
	if err != nil {
		return complain(exitUsage, err)
	}
	startLogging(o.loggingFormat)
	if said := o.formerFlagsGiven(); said != "" {
		klog.Info(said)
	}
	clients, err := kube.Connect(o.cluster())
	if err != nil {
		return complain(exitUsage, err)
	}
	if err := run(ctx, o, clients); err != nil {
		return complain(exitFault, err)
	}
	return exitDone
}

// complain says in one line why the process ends.
func complain(status int, err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "kubemirror:", strings.Join(strings.Fields(err.Error()), " "))
	return status
}
