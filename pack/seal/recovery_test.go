package seal_test

import (
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack/seal"
)

const sample = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr" // 64

func TestNewRecoveryKeyIsUniform(t *testing.T) {
	var count [256]int
	const n = 2000
	whole := regexp.MustCompile(`^[0-9a-z]{64}$`)
	for range n {
		k := must[seal.RecoveryKey](t)(seal.NewRecoveryKey(rand.Reader))
		if !whole.MatchString(k.Reveal()) {
			t.Fatalf("a key of %d characters, or others than [0-9a-z]", len(k.Reveal()))
		}
		for _, c := range []byte(k.Reveal()) {
			count[c]++
		}
	}
	// Modulo instead of rejection would give 0, 1, 2 and 3 one seventh more.
	mean := float64(n*64) / 36
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyz") {
		if dev := float64(count[c])/mean - 1; dev > 0.1 || dev < -0.1 {
			t.Errorf("%q comes %.0f %% off the mean", c, 100*dev)
		}
	}
}

func TestNewRecoveryKeyRejects(t *testing.T) {
	k := must[seal.RecoveryKey](t)(seal.NewRecoveryKey(from(252)))
	if want := sample; k.Reveal() != want { // 252 to 255 are passed over
		t.Errorf("got %s, want %s", k.Reveal(), want)
	}
	if _, err := seal.NewRecoveryKey(broken); err == nil {
		t.Error("a key without randomness")
	}
}

func TestGroups(t *testing.T) {
	k := must[seal.RecoveryKey](t)(seal.ParseRecoveryKey(sample))
	got := k.Groups()
	if parts := strings.Split(got, " "); len(parts) != 16 || len(got) != 79 {
		t.Errorf("got %d groups in %d characters, want 16 in 79", len(parts), len(got))
	}
	if back := must[seal.RecoveryKey](t)(seal.ParseRecoveryKey(got)); back.Reveal() != sample {
		t.Errorf("got %s, want %s", back.Reveal(), sample)
	}
	if zero := (seal.RecoveryKey{}); zero.Reveal() != "" || zero.Groups() != "" {
		t.Error("the zero key has characters")
	}
}

func TestParseRecoveryKeyAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"plain":     sample,
		"capitals":  strings.ToUpper(sample),
		"spaces":    "  " + strings.Join(strings.Split(sample, ""), " ") + " ",
		"dashes":    strings.ReplaceAll(sample, "a", "-a-"),
		"line ends": sample[:30] + "\r\n" + sample[30:] + "\n",
	} {
		k, err := seal.ParseRecoveryKey(text)
		if err != nil || k.Reveal() != sample {
			t.Errorf("%s: got %q, %v", name, k.Reveal(), err)
		}
	}
}

func TestParseRecoveryKeyRefuses(t *testing.T) {
	at := func(i int, s string) string { return sample[:i] + s + sample[i+1:] }
	for _, c := range []struct{ name, text, says string }{
		{"empty", "", "0 letters and digits, not 64"},
		{"63 characters", sample[:63], "63 letters and digits, not 64"},
		{"65 characters", sample + "0", "more than 64"},
		{"64 and a stray sign", sample + "!", "character 65"},
		{"NBSP", at(10, "\u00a0"), "character 11"},
		{"zero-width space", at(0, "\u200b"), "character 1 "},
		{"zero-width joiner at the end", sample + "\u200d", "character 65"},
		{"byte order mark", "\ufeff" + sample, "character 1 "},
		{"full-width digit", at(3, "３"), "character 4"},
		{"full-width letter", at(63, "ｚ"), "character 64"},
		{"Arabic digit", at(5, "٣"), "character 6"},
		{"Cyrillic a", at(12, "а"), "character 13"},
		{"Cyrillic capital O after another", "О" + sample, "character 1 "},
		{"Kelvin sign, which lowers to k", at(20, "\u212a"), "character 21"},
		{"dotted capital I", at(20, "İ"), "character 21"},
		{"long s", at(28, "ſ"), "character 29"},
		{"NUL", at(33, "\x00"), "character 34"},
		{"tab", at(33, "\t"), "character 34"},
		{"en dash", sample[:4] + "–" + sample[4:], "character 5"},
		{"bad UTF-8", at(40, "\xff"), "character 41"},
		{"encoded surrogate", at(40, "\xed\xa0\x80"), "character 41"},
		{"position after two-byte characters", "- -" + at(2, "é"), "character 6"},
		{"1 MB of letters", strings.Repeat("a", 1<<20), "more than 64"},
		{"1 MB of spaces", strings.Repeat(" ", 1<<20), "0 letters"},
		{"1 MB of NBSP", strings.Repeat("\u00a0", 1<<19), "character 1 "},
	} {
		_, err := seal.ParseRecoveryKey(c.text)
		if !errors.Is(err, seal.ErrKeyFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
		if err != nil && (len(err.Error()) > 120 || strings.Contains(err.Error(), "0123")) {
			t.Errorf("%s: the error shows the text", c.name)
		}
	}
	for _, c := range "@[`{/:" { // the neighbours of the alphabet
		if _, err := seal.ParseRecoveryKey(at(7, string(c))); !errors.Is(err, seal.ErrKeyFormat) {
			t.Errorf("%q: got %v", c, err)
		}
	}
}
