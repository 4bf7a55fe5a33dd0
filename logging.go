package main

import (
	"context"
	"log/slog"
	"os"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

// startLogging makes klog write in the format asked for, and keeps what client-go
// says of its errors in bounds.
func startLogging(format string) {
	if format == "json" {
		// klog decides what is said; the handler lets all of it through.
		handler := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.Level(-mostVerbose), AddSource: false})
		klog.SetSlogLogger(slog.New(handler))
		// That alone would leave -v and --vmodule to the handler; this has klog see to them.
		klog.SetLogger(klog.Background())
	}
	utilruntime.ErrorHandlers = []utilruntime.ErrorHandler{logError}
}

// harmless are the values that may stand behind an error of client-go in the log.
// Others are objects, which may be Secrets (I8).
var harmless = map[any]bool{"reflector": true, "type": true, "key": true, "stack": true, "expectedType": true, "actualType": true, "lock": true, "logger": true}

// logError logs what client-go has to say of an error. A watch that fails is not
// among it: the informers tell when one begins to fail and when it works again,
// and not at each try.
func logError(ctx context.Context, err error, msg string, keysAndValues ...any) {
	logger := klog.FromContext(ctx)
	if msg == "Failed to watch" {
		logger.V(4).Info(msg, append(only(harmless, keysAndValues), "err", err)...)
		return
	}
	logger.Error(err, msg, only(harmless, keysAndValues)...)
}

func only(allowed map[any]bool, keysAndValues []any) []any {
	var kept []any
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if allowed[keysAndValues[i]] {
			kept = append(kept, keysAndValues[i], keysAndValues[i+1])
		}
	}
	return kept
}
