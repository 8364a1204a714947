package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack"
)

// TestCompressionTellsNothing plays a game. Somebody wrote a code of six digits to the
// user; somebody else, who sees how many bytes each day uploads, sends one message with a
// guess of it, on each of 16 such days another one, and takes the guess with which the
// fewest bytes were uploaded, to the byte and not only to the grid. From another
// conversation he is right as often as by chance; from the same one far more often, which
// shows that the game can be won.
//
// In full: DAYFOLD_TRIALS=400 go test -run TestCompression -v -timeout 1h ./engine
func TestCompressionTellsNothing(t *testing.T) {
	trials := number("DAYFOLD_TRIALS", 12)
	if testing.Short() {
		trials = 4
	}
	for group, name := range map[string]string{"g002": "another conversation", "g001": "the same conversation"} {
		r := rand.New(rand.NewPCG(21, uint64(len(name))))
		right := 0
		for trial := range trials {
			var codes [16]int
			for i := range codes {
				codes[i] = 100_000 + r.IntN(900_000)
			}
			secret := r.IntN(16)
			best, least := 0, int64(math.MaxInt64)
			for guess, first := 0, r.IntN(16); guess < 16; guess++ {
				g := (first + guess) % 16 // of equals, any
				if n := dayWith(t, trial, group, codes[secret], codes[g]); n < least {
					best, least = g, n
				}
			}
			if best == secret {
				right++
			}
		}
		chance := float64(trials) / 16
		sigma := math.Sqrt(float64(trials) * 1 / 16 * 15 / 16)
		t.Logf("%s: right %d of %d times, by chance %.1f ± %.1f", name, right, trials, chance, sigma)
		if group == "g002" && float64(right) > chance+3*sigma+1 {
			t.Errorf("a guess from %s is right %d of %d times", name, right, trials)
		}
		if group == "g001" && float64(right) < chance+2*sigma {
			t.Errorf("a guess from %s is right only %d of %d times: the game is not one", name, right, trials)
		}
	}
}

// dayWith is how many sealed bytes of nodes the upload of a day has with the code in
// one conversation and a guess of it in another.
func dayWith(t *testing.T, trial int, group string, code, guess int) int64 {
	t.Helper()
	f := create(t, func(o *engine.Options) { o.Workers, o.State, o.Rand = 1, "", seeded(fmt.Sprint("trial ", trial)) }) // one archive, many days
	defer f.a.Close()
	c, r := newChat("a"), rand.New(rand.NewPCG(uint64(trial), 4))
	for i := range 24 {
		c.say(fmt.Sprintf("g%03d", i%3), i, day0.Add(time.Duration(i)*time.Minute), sentence(r))
	}
	c.say("g001", 50, day0.Add(time.Hour), fmt.Sprintf("my new door code is %d, tell nobody", code))
	c.say(group, 51, day0.Add(time.Hour+time.Second), fmt.Sprintf("my new door code is %d, tell nobody", guess))
	return f.backup(c).Uploaded.Tree
}

// TestDeduplicationTells says what somebody learns who can send the user a file and sees
// how much is uploaded: in the default scope, whether the user has the file already; in
// the strict scope nothing, for a file from another conversation is uploaded again.
func TestDeduplicationTells(t *testing.T) {
	const size = 400_000
	for _, strict := range []bool{false, true} {
		for trial := range 6 {
			has := trial%2 == 0
			f := create(t, func(o *engine.Options) { o.Strict = strict })
			c := newChat("a")
			history(c, 3, 20, 1, 1000)
			if has {
				c.say("g001", 900, day0, "look", groupPhoto(c, "g001", fmt.Sprint("file", trial), size))
			}
			f.backup(c)
			c.say("g002", 901, day0.Add(time.Hour), "take this", groupPhoto(c, "g002", fmt.Sprint("file", trial), size))
			says := f.backup(c).BytesUploaded < size/2
			if says != (has && !strict) {
				t.Errorf("strict %v, has the file %v: the upload says %v", strict, has, says)
			}
		}
	}
}

// groupPhoto is a photo of a conversation; its bytes come from the name, whoever has it.
func groupPhoto(c *chat, group, name string, size int) string {
	key := fmt.Sprintf("p/%06d/%s/%s", day0.Unix()/(7*86400), group, name)
	c.items[key] = engine.Item{Key: []byte(key), Group: []byte(group), Kind: engine.Media, Time: day0, Size: int64(size),
		Stamp: []byte(group + name), Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(noise(name, size))), nil
		}}
	return key
}

// TestSizesLieOnTheGrid looks at every object of an archive that has one of everything,
// and of two archives of the same history finds no equal object.
func TestSizesLieOnTheGrid(t *testing.T) {
	f, c := small(t)
	seen := map[string]string{}
	for i := range 2 {
		n := 0
		for info, err := range f.store.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
			ok := info.Size%4096 == 0
			switch {
			case strings.HasPrefix(info.Name, "packs/"):
				ok = pack.PackSize(int(info.Size)) == int(info.Size)
			case strings.HasPrefix(info.Name, "keys/"):
				ok = info.Size == 512
			}
			if !ok {
				t.Errorf("%s has %d bytes", info.Name, info.Size)
			}
			data, err := f.store.Get(t.Context(), info.Name, 0, -1)
			if other, twice := seen[string(data)]; err != nil || twice {
				t.Errorf("%s is %s, %v", info.Name, other, err)
			}
			seen[string(data)] = info.Name
		}
		if n < 6 {
			t.Errorf("%d objects: the test looks in the wrong place", n)
		}
		if i == 0 {
			f = create(t, func(o *engine.Options) { o.PackSize, o.TreePackSize = 64<<10, 64<<10 })
			f.backup(c)
		}
	}
}

// TestNoKeyMeetsANonceTwice archives, dies, tries again, rewrites and prunes, and looks at
// all objects that were ever put: no salt of an object and no nonce of a blob occurs twice,
// but in copies of the same sealed bytes.
//
// In full: DAYFOLD_SEALS=10000000 go test -run TestNoKeyMeets -v -timeout 5h ./engine
func TestNoKeyMeetsANonceTwice(t *testing.T) {
	want := number("DAYFOLD_SEALS", 3000)
	f := create(t)
	all := &recorder{Store: f.store}
	salts, sealed := map[string]bool{}, map[string]string{}
	c := newChat("a")
	seals := 0
	for round := 0; seals < want && !t.Failed(); round++ {
		f.clock.t = f.clock.t.Add(time.Hour)
		for i := range 200 {
			c.say(fmt.Sprintf("g%03d", i%20), round*1000+i, f.clock.t.Add(time.Duration(-i)*time.Minute), fmt.Sprint("message ", round, i))
		}
		var key string
		for key = range c.items {
			break
		}
		delete(c.items, key)
		crashAt(f.store, int64(1+round%3), round%2 == 0)
		a := f.over(all)
		_, err := a.Backup(t.Context(), c, engine.BackupOptions{Insist: true})
		f.store.Fault = nil
		wants(t, err, errCrash)
		a = f.over(all)
		rep, err := a.Backup(t.Context(), c, engine.BackupOptions{Insist: true})
		if err == nil {
			_, err = a.Erase(t.Context(), engine.Selection{Keys: [][]byte{[]byte(key)}}, false, true)
		}
		if err == nil && round > 0 {
			_, err = a.Prune(t.Context(), engine.PruneOptions{Insist: true})
		}
		if err != nil {
			t.Fatalf("round %d, %s: %v", round, rep.Snapshot, err)
		}
		for name, data := range all.take() {
			if strings.HasPrefix(name, "probe/") || strings.HasPrefix(name, "keys/") {
				continue
			}
			if salt := string(data[32:64]); salts[salt] {
				t.Errorf("the salt of %s was there before", name)
			} else {
				salts[salt] = true
			}
			seals++
			if !strings.HasPrefix(name, "packs/") {
				continue
			}
			blobs, err := a.Blobs(data)
			if err != nil {
				t.Fatal(err)
			}
			for id, blob := range blobs {
				seals++
				nonce := string(blob[:12])
				if before, ok := sealed[nonce]; ok && before != digest(blob) {
					t.Errorf("blob %s has the nonce of another", id)
				}
				sealed[nonce] = digest(blob)
			}
		}
	}
	t.Logf("%d seals, %d objects, %d blobs", seals, len(salts), len(sealed))
}

// over opens the archive over another store.
func (f *fixture) over(st store.Store) *engine.Archive {
	f.t.Helper()
	a, err := engine.Open(f.t.Context(), st, f.key, f.opt)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { a.Close() })
	return a
}

// A recorder keeps what is put.
type recorder struct {
	store.Store
	mu  sync.Mutex
	put map[string][]byte
}

// Put creates an object.
func (r *recorder) Put(ctx context.Context, name string, data []byte) error {
	r.mu.Lock()
	if r.put == nil {
		r.put = map[string][]byte{}
	}
	if _, ok := r.put[name]; !ok { // what is put again after a doubt is the same
		r.put[name] = bytes.Clone(data)
	}
	r.mu.Unlock()
	return r.Store.Put(ctx, name, data)
}

// take returns what was put since the last time.
func (r *recorder) take() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	put := r.put
	r.put = nil
	return put
}

func digest(b []byte) string { sum := sha256.Sum256(b); return string(sum[:]) }
