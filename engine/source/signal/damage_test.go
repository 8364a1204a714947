package signal_test

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// readMain verifies and reads a whole main file.
func readMain(k *signal.Keys, main []byte) (frames int, err error) {
	if err := k.VerifyMain(bytes.NewReader(main), int64(len(main)), false); err != nil {
		return 0, err
	}
	return stream(k, main)
}

// stream reads a main file without verifying it before.
func stream(k *signal.Keys, main []byte) (frames int, err error) {
	for _, err := range k.Frames(bytes.NewReader(main), int64(len(main))) {
		if err != nil {
			return frames, err
		}
		frames++
	}
	return frames, nil
}

func sampleKeys(t testing.TB) (*signal.Keys, []byte) {
	t.Helper()
	k := key(t, strings.Repeat("m", 64))
	id, err := signal.OpenMetadata(k, read(t, snapshots[0]+"metadata"))
	if err != nil {
		t.Fatal(err)
	}
	return signal.Derive(k, id), read(t, snapshots[0]+"main")
}

func TestMainCutAtEachByte(t *testing.T) {
	k, main := sampleKeys(t)
	for n := range main {
		if _, err := readMain(k, main[:n]); !errors.Is(err, signal.ErrCorrupt) && !(n == 64 && errors.Is(err, signal.ErrKey)) {
			t.Errorf("cut to %d bytes: %v, want ErrCorrupt", n, err)
		}
		if _, err := stream(k, main[:n]); !errors.Is(err, signal.ErrCorrupt) {
			t.Errorf("cut to %d bytes after it was verified: %v, want ErrCorrupt", n, err)
		}
	}
}

func TestMainFlippedAtEachByte(t *testing.T) {
	k, main := sampleKeys(t)
	for n := range main {
		main[n] ^= 1 << (n % 8)
		if err := k.VerifyMain(bytes.NewReader(main), int64(len(main)), false); !errors.Is(err, signal.ErrCorrupt) {
			t.Errorf("byte %d flipped: VerifyMain = %v, want ErrCorrupt", n, err)
		}
		if _, err := stream(k, main); !errors.Is(err, signal.ErrCorrupt) {
			t.Errorf("byte %d flipped after it was verified: %v, want ErrCorrupt", n, err)
		}
		main[n] ^= 1 << (n % 8)
	}
}

func TestWrongKeyIsNotDamage(t *testing.T) {
	_, main := sampleKeys(t)
	for n := range 50 {
		k := signal.Derive(key(t, strings.Repeat("a", 64)), [16]byte{byte(n)})
		if _, err := readMain(k, main); !errors.Is(err, signal.ErrKey) {
			t.Errorf("VerifyMain = %v, want ErrKey", err)
		}
		if err := k.VerifyMain(bytes.NewReader(main), int64(len(main)), true); !errors.Is(err, signal.ErrCorrupt) {
			t.Errorf("VerifyMain with a key known to be right = %v, want ErrCorrupt", err)
		}
	}
}

// sealMain seals plain, which need not be what Signal writes, with padding to whole blocks.
func sealMain(t testing.TB, plain []byte) (*signal.Keys, []byte) {
	t.Helper()
	a := answers(t)
	k := signal.Derive(key(t, a.AEP), [16]byte(unhex(t, a.ID)))
	iv := make([]byte, 16)
	block, err := aes.NewCipher(unhex(t, "0127f5d81d408be7a96de0217db1b03f3d5be252f5654470d476d39249269d40"))
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(plain)%16
	sealed := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed)
	mac := hmac.New(sha256.New, unhex(t, "bfb00e1f5fb1db5e59fef8f9b11deb32cf75a7344a0b909f9ebbb3c0a31461a7"))
	mac.Write(iv)
	mac.Write(sealed)
	return k, mac.Sum(append(iv, sealed...))
}

func packed(t testing.TB, plain ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range plain {
		if _, err := z.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMainThatIsNotSignals(t *testing.T) {
	good := packed(t, []byte{2, 1, 1, 1, 1})
	bomb := packed(t, make([]byte, 100<<20))
	for _, c := range []struct {
		what  string
		plain []byte
		want  error
	}{
		{"two frames", good, nil},
		{"zeros after them", append(bytes.Clone(good), make([]byte, 1000)...), nil},
		{"something else after them", append(bytes.Clone(good), 0, 0, 1), signal.ErrCorrupt},
		{"another gzip member after them", append(bytes.Clone(good), good...), signal.ErrCorrupt},
		{"no gzip", []byte("frames"), signal.ErrCorrupt},
		{"gzip without its end", good[:len(good)-9], signal.ErrCorrupt},
		{"nothing", nil, signal.ErrCorrupt},
		{"a frame cut off", packed(t, []byte{2, 1, 1, 5, 1}), signal.ErrCorrupt},
		{"a length cut off", packed(t, []byte{2, 1, 1, 0x80}), signal.ErrCorrupt},
		{"a frame of 17 MiB", packed(t, []byte{0x80, 0x80, 0x80, 0x88, 0x01}), signal.ErrCorrupt},
		{"a frame of 2^63 bytes", packed(t, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}), signal.ErrCorrupt},
		{"a length that does not end", packed(t, bytes.Repeat([]byte{0xff}, 20)), signal.ErrCorrupt},
		{"a bomb", bomb, signal.ErrCorrupt},
	} {
		k, main := sealMain(t, c.plain)
		if _, err := readMain(k, main); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	k, _ := sampleKeys(t)
	if _, err := readMain(k, append([]byte("SBACKUP\x01"), make([]byte, 72)...)); !errors.Is(err, signal.ErrFormat) {
		t.Errorf("from Signal's servers: %v, want ErrFormat", err)
	}
}

func TestMainRoundTrip(t *testing.T) {
	k, _ := sampleKeys(t)
	var frames [][]byte
	for _, n := range []int{10, 0, 1, 100, 70_000, 300_000, 5, signal.MaxFrame, 3} {
		b := make([]byte, n)
		rand.Read(b[:min(n, 1<<18)])
		frames = append(frames, b)
	}
	var main bytes.Buffer
	m, err := k.NewMainWriter(&main, rand.Reader)
	for _, f := range frames {
		if err == nil {
			err = m.Frame(f)
		}
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := k.VerifyMain(bytes.NewReader(main.Bytes()), int64(main.Len()), false); err != nil {
		t.Fatal(err)
	}
	n := 0
	for frame, err := range k.Frames(bytes.NewReader(main.Bytes()), int64(main.Len())) {
		if err != nil || !bytes.Equal(frame, frames[n]) {
			t.Fatalf("frame %d differs (%d bytes, want %d), %v", n, len(frame), len(frames[n]), err)
		}
		n++
	}
	if n != len(frames) {
		t.Errorf("%d frames, want %d", n, len(frames))
	}
	for range k.Frames(bytes.NewReader(main.Bytes()), int64(main.Len())) {
		break // the goroutine ends with the loop
	}
}

func TestMediaDamage(t *testing.T) {
	m := signal.Media{Size: 600}
	content := make([]byte, m.Size)
	m.Hash = sha256.Sum256(content)
	var sealed bytes.Buffer
	if err := m.SealMedia(&sealed, rand.Reader, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	drain := func(m signal.Media, file []byte) error {
		r, err := m.Open(bytes.NewReader(file), int64(len(file)), new(signal.Scratch))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		return err
	}
	file := sealed.Bytes()
	if err := drain(m, file); err != nil || int64(len(file)) != signal.SealedSize(600) {
		t.Fatalf("%d bytes, %v", len(file), err)
	}
	for n := range file {
		file[n] ^= 1
		if err := drain(m, file); !errors.Is(err, signal.ErrCorrupt) {
			t.Errorf("byte %d flipped: %v, want ErrCorrupt", n, err)
		}
		if file[n] ^= 1; !errors.Is(drain(m, file[:n]), signal.ErrCorrupt) {
			t.Errorf("cut to %d bytes: want ErrCorrupt", n)
		}
	}
	for _, wrong := range []signal.Media{{Hash: m.Hash, Size: 599}, {Hash: m.Hash, Size: 601}, {Size: 600}} {
		if err := drain(wrong, file); !errors.Is(err, signal.ErrCorrupt) {
			t.Errorf("size %d, hash %x: %v, want ErrCorrupt", wrong.Size, wrong.Hash[:2], err)
		}
	}
	if err := m.SealMedia(io.Discard, rand.Reader, bytes.NewReader(content[1:])); !errors.Is(err, signal.ErrCorrupt) {
		t.Errorf("sealing other content: %v, want ErrCorrupt", err)
	}
}

func TestLongMediaIsReadTwice(t *testing.T) {
	content := make([]byte, 5<<20)
	rand.Read(content)
	m := signal.Media{Size: uint32(len(content)), Hash: sha256.Sum256(content)}
	var sealed bytes.Buffer
	if err := m.SealMedia(&sealed, rand.Reader, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	file := sealed.Bytes()
	r, err := m.Open(bytes.NewReader(file), int64(len(file)), new(signal.Scratch))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	file[len(file)-33] ^= 1
	if _, err := m.Open(bytes.NewReader(file), int64(len(file)), new(signal.Scratch)); !errors.Is(err, signal.ErrCorrupt) {
		t.Errorf("last block flipped: Open = %v, want ErrCorrupt before a byte is given out", err)
	}
}

func TestMediaNames(t *testing.T) {
	good := strings.Repeat("0a", 32)
	if n, err := signal.ParseMediaName(good); err != nil || n.Path() != "0a/"+good {
		t.Errorf("%v, %v", n, err)
	}
	for _, bad := range []string{"", good[1:], good + "0", strings.ToUpper(good), "../" + good[3:], strings.Repeat("0g", 32), "/" + good[1:]} {
		if _, err := signal.ParseMediaName(bad); !errors.Is(err, signal.ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", bad, err)
		}
	}
}

func TestKeyText(t *testing.T) {
	want := key(t, strings.Repeat("o0az", 16))
	for _, text := range []string{strings.Repeat("O0AZ ", 16), strings.Repeat("#=az-", 16), "\n" + strings.Repeat("o0az", 16) + "\r\n"} {
		if got, err := signal.ParseKey(text); got != want {
			t.Errorf("%q is another key: %v", text, err)
		}
	}
	for _, text := range []string{"", strings.Repeat("m", 63), strings.Repeat("m", 65), strings.Repeat("m", 63) + "ä", strings.Repeat("m", 63) + "_"} {
		_, err := signal.ParseKey(text)
		if !errors.Is(err, signal.ErrFormat) || text != "" && strings.Contains(err.Error(), text[:10]) {
			t.Errorf("ParseKey = %v, want ErrFormat without the text", err)
		}
	}
	if got := strings.Join([]string{want.String(), want.GoString()}, " "); strings.Contains(got, "o0az") {
		t.Errorf("a key prints itself: %s", got)
	}
}
