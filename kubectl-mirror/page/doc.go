// Package page writes sources and their mirrors as one page of HTML, for people who would
// rather look.
//
// A page is one file that needs no network and may use none: its policy lets nothing run but
// its own script, and nothing be loaded. It has of a cluster only what the reports have, and
// those have no value of an object. The page is page.html, page.css and page.js; what it is
// about is data.go, as JSON in the page.
package page
