// Package testkit makes worlds of real mural processes for tests that read like stories:
//
//	w := testkit.Bridge(t)
//	ana, ben := w.Person("Ana"), w.Person("Ben")
//	w.As(ana).ShowsNearby()
//	w.As(ben).Follows(ana)
//	post := w.As(ana).Posts("hello", testkit.Clip(t))
//	w.GoesDark(ana)
//	w.As(ben).Plays(post.Media[0])
//
// New puts everybody on loopback ports of this machine and needs no rights.
// Bridge gives everybody a network namespace of their own on one bridge: the
// closest thing to a Wi-Fi that a test can have. It needs root and iproute2, and
// skips with a sentence elsewhere. Worlds run on Linux only.
//
// Whatever is waited for has a deadline; when it passes, the test fails with the
// end of every node's log and the sockets of its namespace. Every process is
// ended by its id, and also dies with the test.
package testkit
