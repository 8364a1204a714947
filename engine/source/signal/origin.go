package signal

// An Origin is what a snapshot remembers of the file or folder that it was read from,
// beside the items: all that differs between two backups of the same history.
type Origin struct {
	Name     string // of the snapshot's folder
	Metadata []byte // the file metadata or metadata.json
	Info     []byte // the first message or line
}

// maxOrigin is the longest Origin that an engine.SourceInfo takes, in bytes.
const maxOrigin = 64 << 10

// Append appends o as protobuf {1 name, 2 metadata, 3 info}.
func (o Origin) Append(dst []byte) []byte {
	dst = appendText(dst, 1, o.Name)
	dst = appendBytes(dst, 2, o.Metadata)
	return appendBytes(dst, 3, o.Info)
}

// Data returns o as an engine.SourceInfo keeps it. If that is too long, the debug
// information of the app is left out; ErrFormat if it is still too long.
func (o Origin) Data() ([]byte, error) {
	b := o.Append(nil)
	if len(b) > maxOrigin {
		o.Info = without(o.Info, 6)
		b = o.Append(nil)
	}
	if len(b) > maxOrigin {
		return nil, malformed("the first message has %d bytes", len(o.Info))
	}
	return b, nil
}

// ParseOrigin reads what Append wrote.
func ParseOrigin(data []byte) (o Origin, err error) {
	err = each(wire(data), func(c *cursor) error {
		switch {
		case c.is(1):
			o.Name = string(c.bytes)
		case c.is(2):
			o.Metadata = c.bytes
		case c.is(3):
			o.Info = c.bytes
		}
		return nil
	})
	return o, err
}

// ReadInfo reads the first message of main. Version 1 is the only one there is.
func ReadInfo(message []byte) (i Info, err error) {
	err = each(wire(message), func(c *cursor) error {
		switch {
		case c.isUint(1):
			i.Version = c.uint
		case c.isUint(2):
			i.TimeMs = c.uint
		case c.is(3):
			i.MediaRootKey = c.bytes
		case c.is(4):
			i.CurrentApp = string(c.bytes)
		case c.is(5):
			i.FirstApp = string(c.bytes)
		case c.is(6):
			i.DebugInfo = c.bytes
		}
		return nil
	})
	if err == nil && i.Version != 1 {
		err = malformed("main: version %d", i.Version)
	}
	return i, err
}

// WithTime returns the first message with another time of the backup, in ms.
func WithTime(info []byte, ms uint64) []byte {
	return append(without(info, 2), appendUint(nil, 2, ms)...)
}
