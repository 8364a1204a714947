package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// A receipt says what an erasure or a prune did, signed with a key of the archive. It
// is text, so that people can read it, and is kept by whoever asked for it, not in the
// store (FORMAT.md, receipts):
//
//	dayfold receipt 1
//	archive 64 hex … one fact a line, a word and what it says
//	(an empty line)
//	key and signature, in base64
type receipt struct {
	facts bytes.Buffer
}

const receiptTitle = "dayfold receipt 1\n"

func (r *receipt) say(format string, args ...any) { fmt.Fprintf(&r.facts, format+"\n", args...) }

// newReceipt begins a receipt of what an archive did.
func (a *Archive) newReceipt(ctx context.Context, did string) (*receipt, error) {
	asked, err := store.Ask(ctx, a.store)
	if err != nil {
		return nil, err
	}
	r := &receipt{}
	r.say("archive %s", a.ID())
	r.say("device %x", a.device.id)
	r.say("made %s", a.now().UTC().Format(time.RFC3339))
	r.say("did %s", did)
	r.say("store-keeps-deleted %v", max(asked.Keeps(), a.Probed().Keeps()))
	return r, nil
}

// sign ends a receipt.
func (r *receipt) sign(k *seal.Keys) []byte {
	text := []byte(receiptTitle + r.facts.String() + "\n")
	signature, public := k.Sign(text)
	return fmt.Appendf(text, "key %s\nsignature %s\n", base64.StdEncoding.EncodeToString(public), base64.StdEncoding.EncodeToString(signature))
}

// readReceipt returns the facts of a receipt that this archive has signed.
func (a *Archive) readReceipt(data []byte) (map[string][]string, error) {
	text, tail, ok := strings.Cut(string(data), "\n\n")
	if !ok || !strings.HasPrefix(text, receiptTitle) {
		return nil, corrupt("not a receipt")
	}
	_, signed, _ := strings.Cut(tail, "\nsignature ")
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signed))
	if err != nil || !a.keys.Signed([]byte(text+"\n\n"), signature) {
		return nil, corrupt("this archive did not sign the receipt, or it was changed")
	}
	facts := map[string][]string{}
	for line := range strings.SplitSeq(strings.TrimPrefix(text, receiptTitle), "\n") {
		word, what, _ := strings.Cut(line, " ")
		facts[word] = append(facts[word], what)
	}
	return facts, nil
}

// erasures is what an Erase has taken out, for its receipt.
type erasures struct {
	keys  map[string]bool
	blobs map[seal.ID]bool // chunks of contents
}

// note takes an entry that goes.
func (e *erasures) note(n tree.Nodes, entry *tree.Entry) error {
	if e.keys == nil {
		e.keys, e.blobs = map[string]bool{}, map[seal.ID]bool{}
	}
	e.keys[string(entry.Key[1:])] = true
	return tree.Visit(n, entry.Content, func(ref seal.Ref, depth int) error {
		if depth == 0 {
			e.blobs[ref.ID()] = true
		}
		return nil
	})
}

// erased is the receipt of an erasure.
func (a *Archive) erased(ctx context.Context, e *erasures, rep *Report) error {
	r, err := a.newReceipt(ctx, "erase")
	if err != nil {
		return err
	}
	r.say("undecryptable %d items of %d bytes, in %d snapshots", rep.Removed, rep.Bytes, rep.Rewritten)
	r.say("ciphertext stays until a prune has deleted it")
	for _, key := range slices.Sorted(maps.Keys(e.keys)) {
		r.say("item %s", strconv.Quote(key))
	}
	for _, id := range slices.SortedFunc(maps.Keys(e.blobs), func(a, b seal.ID) int { return bytes.Compare(a[:], b[:]) }) {
		r.say("blob %s", id)
	}
	rep.Receipt = r.sign(a.keys)
	return nil
}

// pruned is the receipt of a prune. What it says to be deleted was looked for afterwards.
func (p *survey) pruned(rep *PruneReport, deleted []pack.Name) error {
	a := p.s.a
	r, err := a.newReceipt(p.ctx, "prune")
	if err != nil {
		return err
	}
	if err := p.s.listPacks(p.ctx); err != nil {
		return err
	}
	r.say("deleted %d packs, %d bytes that nothing needed", rep.PacksDeleted, rep.BytesFreed)
	r.say("ciphertext %d bytes dead in packs that stay, %d bytes in packs that wait", rep.BytesDead, rep.BytesWaiting)
	for _, id := range slices.Sorted(maps.Keys(p.s.removed)) {
		r.say("undecryptable-snapshot %s", id)
	}
	for _, n := range slices.SortedFunc(slices.Values(deleted), compareNames) {
		if p.s.readable(n) {
			r.say("still-there %s", n)
		} else {
			r.say("pack %s", n)
		}
	}
	rep.Receipt = r.sign(a.keys)
	return nil
}

// VerifyErased holds an item's key, or a receipt of this archive, against what is there:
// every live snapshot, every segment and directory, the list of packs. The report counts
// the items that were looked for, and in Bytes the ciphertext of contents of theirs that
// still lies in packs without anything that opens it; its Problems are what
// contradicts: an item that a snapshot has, a pack or snapshot that is there. Kept says
// whether the store may keep what is deleted, as far as it tells.
//
// A receipt that this archive did not sign, or that was changed, is seal.ErrCorrupt.
func (a *Archive) VerifyErased(ctx context.Context, what []byte) (Report, error) {
	start := a.now()
	rep, err := a.verifyErased(ctx, what)
	rep.Duration = a.now().Sub(start)
	if err != nil {
		return rep, fmt.Errorf("verify erased: %w", err)
	}
	return rep, nil
}

func (a *Archive) verifyErased(ctx context.Context, what []byte) (rep Report, err error) {
	facts := map[string][]string{"item": {strconv.Quote(string(what))}}
	if bytes.HasPrefix(what, []byte(receiptTitle)) {
		if facts, err = a.readReceipt(what); err != nil {
			return rep, err
		}
	}
	asked, err := store.Ask(ctx, a.store)
	if err != nil {
		return rep, err
	}
	rep.Kept = max(asked.Keeps(), a.Probed().Keeps())
	p, err := a.survey(ctx, func(*session) uint32 { return 0 })
	if err != nil {
		return rep, err
	}
	if _, err := p.s.catalog(ctx); err != nil {
		return rep, err
	}
	for _, quoted := range facts["item"] {
		key, err := strconv.Unquote(quoted)
		if err != nil || key == "" {
			return rep, corrupt("an item in a receipt")
		}
		rep.Items++
		if err := p.absent([]byte(key), &rep); err != nil {
			return rep, err
		}
	}
	for _, name := range facts["pack"] {
		var n pack.Name
		if _, err := hex.Decode(n[:], []byte(name)); err != nil {
			return rep, corrupt("a pack in a receipt")
		}
		rep.Packs++
		if p.s.readable(n) || p.marks[n] != nil {
			rep.contradicts(n.Path(), "is there again")
		}
	}
	for _, h := range p.s.all {
		if id := hex.EncodeToString(h.ID[:]); slices.Contains(facts["undecryptable-snapshot"], id) {
			rep.contradicts(snapshotName(h.Version), "is there again")
		}
	}
	p.ciphertext(facts["blob"], &rep)
	return rep, nil
}

// contradicts notes what is not as a receipt says.
func (r *Report) contradicts(name, how string) {
	r.Missing++
	r.Problems = append(r.Problems, &Problem{Key: []byte(name), Err: errors.New(how)})
}

// absent looks for an item in every snapshot.
func (p *survey) absent(key []byte, rep *Report) error {
	for _, h := range p.s.heads {
		_, ok, err := p.s.newStage(p.r, nil, 0, h.roots).find(itemKey(key))
		if err != nil {
			return p.s.explain(p.ctx, nil, err, &h)
		}
		if ok {
			rep.contradicts(string(key), fmt.Sprintf("is in snapshot %x", h.ID[:4]))
		}
	}
	return nil
}

// ciphertext adds up the blobs in packs that no snapshot needs any more.
func (p *survey) ciphertext(ids []string, rep *Report) {
	if len(ids) == 0 {
		return
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	for n, t := range p.tables {
		for i, b := range t.Blobs {
			if wanted[b.ID.String()] && (p.marks[n] == nil || p.marks[n][i]&needed == 0) {
				rep.Bytes += int64(b.Len)
			}
		}
	}
}
