package dump

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
)

// store holds the objects of a list whose kind comes last. Objects are much alike, so compressed they take a tenth of the
// memory.
type store struct {
	packed bytes.Buffer
	w      *flate.Writer
	count  int
}

func newStore() *store {
	s := &store{}
	// The only error is that of a level that does not exist.
	s.w, _ = flate.NewWriter(&s.packed, flate.BestSpeed)
	return s
}

// add appends an object, with its number and line.
func (s *store) add(raw []byte, number, line int) error {
	s.count++
	var head []byte
	for _, n := range []int{len(raw), number, line} {
		head = binary.AppendUvarint(head, uint64(n))
	}
	if _, err := s.w.Write(append(head, raw...)); err != nil {
		return fmt.Errorf("holding object %d: %w", number, err)
	}
	return nil
}

// each calls do for every object, in order. It ends with the first error and returns that.
func (s *store) each(do func(raw []byte, number, line int) error) error {
	if err := s.w.Close(); err != nil {
		return fmt.Errorf("holding objects: %w", err)
	}
	r := bufio.NewReader(flate.NewReader(&s.packed))
	for {
		var head [3]int
		for i := range head {
			n, err := binary.ReadUvarint(r)
			if err == io.EOF && i == 0 {
				return nil
			}
			if err != nil {
				return fmt.Errorf("taking out held objects: %w", err)
			}
			head[i] = int(n)
		}
		raw := make([]byte, head[0])
		if _, err := io.ReadFull(r, raw); err != nil {
			return fmt.Errorf("taking out held objects: %w", err)
		}
		if err := do(raw, head[1], head[2]); err != nil {
			return err
		}
	}
}
