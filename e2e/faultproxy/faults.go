package faultproxy

import (
	"net/http"
	"time"
)

// late is how much later than usual something comes.
const late = 2 * time.Second

// Killed kills the process before its write reaches the server.
func Killed(x *Exchange) { x.Kill() }

// KilledAfter kills the process when its write has been done, before it hears of that.
func KilledAfter(x *Exchange) { x.Forward(); x.Kill() }

// LandsAfterDeath kills the process, and only then has the server do what it asked for.
func LandsAfterDeath(x *Exchange) { x.Kill(); x.Forward() }

// Cut cuts the connection before the write reaches the server.
func Cut(*Exchange) {}

// Unanswered has the write done, and cuts the connection in the place of an answer.
func Unanswered(x *Exchange) { x.Forward() }

// AnsweredLate has the write done at once, and answers two seconds later.
func AnsweredLate(x *Exchange) {
	a := x.Forward()
	x.Wait(late)
	x.Reply(a)
}

// Late has the write reach the server two seconds later.
func Late(x *Exchange) {
	x.Wait(late)
	x.Reply(x.Forward())
}

// Conflict answers that the object has changed.
func Conflict(x *Exchange) { x.Refuse(http.StatusConflict, "Conflict") }

// TooMany answers that the server has too much to do, and when to come again.
func TooMany(x *Exchange) { x.Refuse(http.StatusTooManyRequests, "TooManyRequests") }

// Broken answers with an error of the server.
func Broken(x *Exchange) { x.Refuse(http.StatusInternalServerError, "InternalError") }

// Away answers that the server is not there.
func Away(x *Exchange) { x.Refuse(http.StatusServiceUnavailable, "ServiceUnavailable") }

// TimedOut has the write done, and answers that it took too long to tell.
func TimedOut(x *Exchange) {
	x.Forward()
	x.Refuse(http.StatusGatewayTimeout, "Timeout")
}

// Expired has watches end and be too old to go on, while the write is done.
func Expired(of Watches, times int) Fault {
	return func(x *Exchange) {
		x.Proxy.Expire(of, times)
		x.Reply(x.Forward())
	}
}

// ExpiredLate is Expired with a list that comes two seconds later.
func ExpiredLate(of Watches) Fault {
	return func(x *Exchange) {
		held := x.Proxy.Hold(of)
		x.Proxy.Expire(of, 1)
		time.AfterFunc(late, held.Release)
		x.Reply(x.Forward())
	}
}

// Frozen has watches say nothing for two seconds, from before the write is done.
func Frozen(of Watches) Fault {
	return func(x *Exchange) {
		frozen := x.Proxy.Freeze(of)
		time.AfterFunc(late, frozen.Release)
		x.Reply(x.Forward())
	}
}
