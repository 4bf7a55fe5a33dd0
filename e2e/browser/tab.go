package browser

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Tab is a page that is open.
type Tab struct {
	browser *Browser
	session string

	mu       sync.Mutex // guards what follows
	loaded   chan struct{}
	requests []string
	trouble  []string
}

// none is what a method without parameters takes.
type none = map[string]any

// Open opens a page in a tab of its own, and waits until it is there.
func (b *Browser) Open(url string, width, height int) (*Tab, error) {
	var made struct{ TargetID string }
	if err := b.call("", "Target.createTarget", none{"url": "about:blank"}, &made); err != nil {
		return nil, err
	}
	var attached struct{ SessionID string }
	if err := b.call("", "Target.attachToTarget", none{"targetId": made.TargetID, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	t := &Tab{browser: b, session: attached.SessionID, loaded: make(chan struct{})}
	b.mu.Lock()
	b.tabs[t.session] = t
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Network", "Runtime", "Log"} {
		if err := t.Do(domain+".enable", none{}); err != nil {
			return nil, err
		}
	}
	if err := t.Resize(width, height); err != nil {
		return nil, err
	}
	var began struct{ ErrorText string }
	if err := b.call(t.session, "Page.navigate", none{"url": url}, &began); err != nil {
		return nil, err
	}
	if began.ErrorText != "" {
		return nil, fmt.Errorf("open %s: %s", url, began.ErrorText)
	}
	select {
	case <-t.loaded:
		return t, nil
	case <-b.process.Done():
		return nil, errors.New("the browser ended while it opened " + url)
	}
}

// hear takes what the browser tells of the page.
func (t *Tab) hear(m message) {
	var of struct {
		Request          struct{ URL string }
		Type             string
		Args             []struct{ Value any }
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if json.Unmarshal(m.Params, &of) != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch m.Method {
	case "Page.loadEventFired":
		close(t.loaded)
	case "Network.requestWillBeSent":
		t.requests = append(t.requests, of.Request.URL)
	case "Runtime.consoleAPICalled":
		t.trouble = append(t.trouble, fmt.Sprint(of.Type, ": ", of.Args))
	case "Runtime.exceptionThrown":
		t.trouble = append(t.trouble, of.ExceptionDetails.Text+" "+of.ExceptionDetails.Exception.Description)
	case "Log.entryAdded":
		t.trouble = append(t.trouble, fmt.Sprintf("%s: %s %s", of.Entry.Level, of.Entry.Text, of.Entry.URL))
	}
}

// Requests are the addresses that the page has asked for, its own first.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests)
}

// Trouble is what the page and the browser wrote to the console.
func (t *Tab) Trouble() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.trouble)
}

// Forget has the tab begin anew with Requests and Trouble.
func (t *Tab) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests, t.trouble = nil, nil
}

// Do calls a method of the protocol whose answer doesn't matter.
func (t *Tab) Do(method string, params map[string]any) error {
	return t.browser.call(t.session, method, params, nil)
}

// Resize makes the window so large.
func (t *Tab) Resize(width, height int) error {
	return t.Do("Emulation.setDeviceMetricsOverride", none{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
}

// Prefer has the person at the machine prefer "dark" or "light".
func (t *Tab) Prefer(scheme string) error {
	return t.Do("Emulation.setEmulatedMedia", none{"features": []none{{"name": "prefers-color-scheme", "value": scheme}}})
}

// Value evaluates an expression in the page, waits for it if it is a promise, and decodes
// what it is.
func (t *Tab) Value(expression string, into any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	params := none{"expression": expression, "returnByValue": true, "awaitPromise": true}
	if err := t.browser.call(t.session, "Runtime.evaluate", params, &answer); err != nil {
		return err
	}
	if e := answer.ExceptionDetails; e != nil {
		return fmt.Errorf("%s: %s %s", expression, e.Text, e.Exception.Description)
	}
	if into == nil || answer.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, into)
}

// codes are the keys that the browser itself does something on, as it numbers them.
var codes = map[string]int{"Escape": 27, "Enter": 13, "Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

// Press presses keys one after the other. One of one letter writes it.
func (t *Tab) Press(keys ...string) error {
	for _, key := range keys {
		down := none{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
		if len(key) == 1 {
			down["text"] = key
		}
		if err := t.Do("Input.dispatchKeyEvent", down); err != nil {
			return err
		}
		if err := t.Do("Input.dispatchKeyEvent", none{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}); err != nil {
			return err
		}
	}
	return nil
}

// Picture is what the page looks like, as PNG.
func (t *Tab) Picture() ([]byte, error) {
	var shot struct{ Data []byte }
	err := t.browser.call(t.session, "Page.captureScreenshot", none{"format": "png"}, &shot)
	return shot.Data, err
}
