// Command soak runs three replicas of kubemirror for as long as it is told, under load
// and faults together, and draws what they cost: memory, goroutines, open files, and the
// time that a change takes. At the end it lets everything come to rest, and has the
// oracle say whether all mirrors are as they should be.
//
// It takes these from the environment:
//
//	MINUTES=n   how long (default 10)
//	SEED=n      of the choices that it makes (default: any)
//	PICTURE=f   where the picture goes (default _artifacts/soak.png)
//
// It fails where mirrors are wrong in the end, and where a line isn't flat: where the
// last third of the time has more than the third before it.
package main
