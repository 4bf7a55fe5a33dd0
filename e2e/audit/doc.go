// Package audit counts what clients asked of the API server, from the server's
// own audit log.
//
// It is how a test proves "no write while nothing changes" or "one change, one
// write": the server's word, not the client's. It reads a log that was written
// under Policy; it neither starts nor configures the server.
//
// Counting is exact, without sleeps. The server writes RequestReceived before
// it begins to handle a request, so all that any client has had an answer to
// is in the log. Only the outcome (ResponseComplete) may come later than the
// client's answer: Since waits for it.
package audit
