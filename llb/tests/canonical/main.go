// Decodes and encodes ops as a daemon does, and prints the digests of what comes out.
//
// Standard input is a sequence of definitions, each after its length in four bytes, big end first. Standard output has one
// line for each op of each definition, in order.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func main() {
	if err := run(bufio.NewReader(os.Stdin), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		var def pb.Definition
		if err := proto.Unmarshal(data, &def); err != nil {
			return err
		}
		for i, dt := range def.Def {
			var op pb.Op
			// The methods that solver/llbsolver/vertex.go uses.
			if err := op.Unmarshal(dt); err != nil {
				return fmt.Errorf("op %d: %w", i, err)
			}
			if err := knowsAll(op.ProtoReflect()); err != nil {
				return fmt.Errorf("op %d: %w", i, err)
			}
			again, err := op.Marshal()
			if err != nil {
				return fmt.Errorf("op %d: %w", i, err)
			}
			fmt.Fprintf(out, "sha256:%x\n", sha256.Sum256(again))
		}
	}
}

// knowsAll fails on a field that BuildKit does not have: it would survive decoding and encoding, and do nothing.
func knowsAll(m protoreflect.Message) error {
	return protorange.Range(m, func(p protopath.Values) error {
		sub, ok := p.Index(-1).Value.Interface().(protoreflect.Message)
		if ok && len(sub.GetUnknown()) > 0 {
			return fmt.Errorf("unknown fields in %v", p.Path)
		}
		return nil
	})
}
