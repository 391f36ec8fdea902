package pool

import "sync/atomic"

// slabBlock is how many values a slab makes at once: few enough that a quiet
// process stays small, many enough that the allocator is rarely asked.
const slabBlock = 64

// Slab hands out values of one type from blocks and takes them back. Blocks are
// never given up: a process that once held n connections keeps the room for n.
// The zero value is ready. One loop owns it; Live may be read from anywhere.
type Slab[T any] struct {
	free []*T
	live atomic.Int64
}

// Get returns a zero T. The caller owns it until Put.
func (s *Slab[T]) Get() *T {
	if len(s.free) == 0 {
		block := make([]T, slabBlock)
		for i := range block {
			s.free = append(s.free, &block[i])
		}
	}
	last := len(s.free) - 1
	v := s.free[last]
	s.free = s.free[:last]
	s.live.Add(1)
	return v
}

// Put takes v back and zeroes it, so that nothing it pointed to is kept alive.
func (s *Slab[T]) Put(v *T) {
	var zero T
	*v = zero
	s.free = append(s.free, v)
	s.live.Add(-1)
}

// Live is the number of values handed out and not taken back.
func (s *Slab[T]) Live() int64 { return s.live.Load() }
