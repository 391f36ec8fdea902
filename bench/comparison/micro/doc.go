// Package micro has benchmarks of weir's codecs against other implementations, on
// the same bytes, and a test that all of them agree on those bytes. It holds no code
// but tests:
//
//	go test -run '^$' -bench . ./micro
//
// Rules of fairness: whatever a library lets one reuse is reused. Each measured step
// begins with one copy of the input into a buffer, which stands for the read from a
// socket: the readers of the others copy, so weir's is made to.
package micro
