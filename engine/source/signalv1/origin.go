package signalv1

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// An origin is what a snapshot remembers of a file beside its items: protobuf {1 version
// of the header, 2 sections, 3 last frame}.
type origin struct {
	version  uint64
	sections []string
	end      []byte
}

// maxOrigin is the longest origin that an engine.SourceInfo takes, in bytes.
const maxOrigin = 64 << 10

func (o origin) data() ([]byte, error) {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), o.version)
	for _, s := range o.sections {
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), s)
	}
	b = protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), o.end)
	if len(b) > maxOrigin {
		return nil, fmt.Errorf("%d tables: %w", len(o.sections), signal.ErrFormat)
	}
	return b, nil
}

func parseOrigin(data []byte) (o origin, err error) {
	err = signal.Fields(data, func(f signal.Field) error {
		switch f.Number {
		case 1:
			o.version = f.Uint
		case 2:
			o.sections = append(o.sections, string(f.Bytes))
		case 3:
			o.end = f.Bytes
		}
		return nil
	})
	if err == nil && o.version > maxVersion {
		err = fmt.Errorf("header: version %d: %w", o.version, signal.ErrFormat)
	}
	return o, err
}
