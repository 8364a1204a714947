package signal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
)

var update = flag.Bool("update", false, "write the goldens anew")

// frame puts fields of bytes around message: the numbers from the outside in.
func frame(message []byte, fields ...protowire.Number) []byte {
	for i := len(fields) - 1; i >= 0; i-- {
		message = protowire.AppendBytes(protowire.AppendTag(nil, fields[i], protowire.BytesType), message)
	}
	return message
}

func num(field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
}

func TestAppendJSON(t *testing.T) {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		what    string
		frame   []byte
		want    string
		unknown int
	}{
		{"empty", nil, `{}`, 0},
		{"an account's settings", frame(join(num(1, 1), frame([]byte("🏎️"), 8), num(14, 0), num(17, 2), num(28, 1)), 1, 9),
			`{"account":{"accountSettings":{"readReceipts":true,"preferredReactionEmoji":["🏎️"],"storyViewReceiptsEnabled":false,"phoneNumberSharingMode":"NOBODY","appTheme":"SYSTEM"}}}`, 0},
		{"zero is left out, but not where it is explicit", frame(join(num(1, 0), num(4, 0), num(5, 0), num(7, 0)), 3), `{"chat":{"pinnedOrder":0,"expirationTimerMs":"0"}}`, 0},
		{"the largest number", frame(num(6, 1<<64-1), 3), `{"chat":{"muteUntilMs":"18446744073709551615"}}`, 0},
		{"fields in another order", frame(join(num(3, 7), num(1, 5)), 4), `{"chatItem":{"chatId":"5","dateSent":"7"}}`, 0},
		{"the last one counts", frame(join(num(1, 5), num(1, 6)), 4), `{"chatItem":{"chatId":"6"}}`, 0},
		{"a message in two parts is one", frame(join(frame(num(1, 5), 8), frame(num(3, 1), 8)), 4), `{"chatItem":{"incoming":{"dateReceived":"5","read":true}}}`, 0},
		{"an enum of tomorrow", frame(num(1, 77), 4, 15, 1), `{"chatItem":{"updateMessage":{"simpleUpdate":{"type":77}}}}`, 0},
		{"fields of tomorrow", frame(join(num(900, 1), frame([]byte("x"), 901)), 4), `{"chatItem":{}}`, 2},
		{"a field of another type", frame(frame([]byte("x"), 3), 4), `{"chatItem":{}}`, 1},
		{"packed and not", frame(join(frame([]byte{1, 0x80, 1}, 7), num(7, 3)), 8), `{"chatFolder":{"includedRecipientIds":["1","128","3"]}}`, 0},
		{"packed, cut off", frame(frame([]byte{1, 0x80}, 7), 8), `{"chatFolder":{"includedRecipientIds":["1"]}}`, 0},
		{"an empty packed field", frame(frame(nil, 7), 8), `{"chatFolder":{}}`, 0},
		{"days", frame(frame([]byte{1, 7}, 11), 7), `{"notificationProfile":{"scheduleDaysEnabled":["MONDAY","SUNDAY"]}}`, 0},
		{"colours", frame(join(frame([]byte{0, 0, 0, 255, 1, 0, 0, 0}, 2), frame([]byte{0, 0, 0, 0, 0, 0, 0, 63, 0, 0, 192, 127}, 3)), 1, 9, 19, 3),
			`{"account":{"accountSettings":{"customChatColors":[{"gradient":{"colors":[4278190080,1],"positions":[0,0.5,"NaN"]}}]}}}`, 0},
		{"text", frame([]byte("a\"b\\\n\r\t\b\f\x01\x7f<>&\u2028é😀\xff\xc3"), 4, 11, 2, 1),
			`{"chatItem":{"standardMessage":{"text":{"body":"a\"b\\\n\r\t\b\f\u0001\u007f<>&` + "\u2028é😀\ufffd\ufffd" + `"}}}}`, 0},
		{"group", frame(join(frame([]byte("x"), 11, 4), frame([]byte("y"), 2, 1), num(12, 1)), 2, 3, 5),
			`{"recipient":{"group":{"snapshot":{"title":{"title":"y"},"description":{"descriptionText":"x"},"announcementsOnly":true}}}}`, 0},
	} {
		got, unknown, err := signal.AppendJSON([]byte("> "), c.frame)
		if err != nil || string(got) != "> "+c.want || unknown != c.unknown {
			t.Errorf("%s: %s, %d unknown, %v, want\n%s, %d", c.what, got, unknown, err, c.want, c.unknown)
		}
	}
}

func TestAppendJSONOfWhatIsNoFrame(t *testing.T) {
	deep := []byte{}
	for range 60 {
		deep = frame(deep, 6)
	}
	for _, bad := range [][]byte{{0x0a}, {0x0a, 5, 1}, {7}, frame([]byte{0x08}, 4), frame(deep, 4)} {
		if out, _, err := signal.AppendJSON(nil, bad); !errors.Is(err, signal.ErrFormat) {
			t.Errorf("%x: %s, %v, want ErrFormat", bad, out, err)
		}
	}
}

// Everything's lines are a golden: the form of the export does not change unseen.
func TestLinesOfEverything(t *testing.T) {
	b := signaltest.Everything(t)
	out, _, err := signal.AppendInfoJSON(nil, b.Info)
	for _, f := range b.Frames {
		if err == nil {
			out, _, err = signal.AppendJSON(append(out, '\n'), f)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/everything.jsonl"
	if *update {
		if err := os.WriteFile(golden, append(out, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, golden); string(out)+"\n" != string(want) {
		t.Errorf("the lines differ from %s", golden)
	}
	for line := range bytes.Lines(out) {
		if !json.Valid(line) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

func TestReadJSONPassesOverWhatItDoesNotKnow(t *testing.T) {
	var f signal.Facts
	line := ` { "x\u0041" : {"y":[1,"]}",null]}, "chat\u0049tem" : {"dateSent" : 5 , "z":[[]], "expiresInMs":"7","revisions":null,
		"incoming":{"dateReceived":"6"} } , "w":"\"" } `
	if err := f.ReadJSON([]byte(strings.ReplaceAll(line, "\n", ""))); err != nil {
		t.Fatal(err)
	}
	if f.Kind != signal.FrameChatItem || f.Sent != 5 || f.Received != 6 || f.ExpiresIn != 7 {
		t.Errorf("%+v", f)
	}
}

func TestTakeoutJSON(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{"chatItem": {"chatId":"1"} }`, `{"chatItem": {"chatId":"1"} }`},
		{`{"chatItem":{"expiresInMs":"1"}}`, ""},
		{`{"chatItem":{"expiresInMs":null}}`, `{"chatItem":{"expiresInMs":null}}`},
		{`{"chat":{"expiresInMs":"1"}}`, `{"chat":{"expiresInMs":"1"}}`},
		{`{"chatItem":{"revisions":[{"expiresInMs":"1"},{"dateSent":"2"}]}}`, `{"chatItem":{"revisions":[{"dateSent":"2"}]}}`},
		{`{"chatItem":{"viewOnceMessage":{"attachment":{"pointer":{}}}}}`, `{"chatItem":{"viewOnceMessage":{}}}`},
		{`{"chatItem":{"viewOnceMessage":{"a\u0074tachment":{}}}}`, `{"chatItem":{"viewOnceMessage":{}}}`},
	} {
		got, keep := signal.TakeoutJSON([]byte(c.line))
		if keep != (c.want != "") || keep && string(got) != c.want {
			t.Errorf("%s: %s, %t, want %s", c.line, got, keep, c.want)
		}
	}
}
