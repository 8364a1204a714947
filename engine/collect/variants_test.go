package collect_test

import (
	"os"
	"strings"
	"testing"
)

// The models: each a few processes around one part of the protocol, explored until no
// new state is left. In all of them processes stop anywhere and puts come late.
//
// In every state: no revision that counts lacks a pack; no snapshot that the user was
// told is safe, and has not forgotten, is without a revision that counts; nothing that
// counts holds what the user was told is erased; and at rest nothing is left of what he
// was told is forgotten.
var (
	one     = []revision{{needs: 1}}
	holding = []revision{{needs: 1, item: 1}}

	// Backups, the user who forgets, and a pruner.
	collecting = model{roles: []uint8{writer, writer, pruner}, rounds: 2, maxPack: 2, maxN: 2, first: one, forget: true}
	// Backups adopt a pack that nothing names, and two pruners race; old fences and intents are deleted.
	racing = model{roles: []uint8{writer, pruner, pruner}, rounds: 3, maxPack: 1, maxN: 3, orphan: true}
	// Pruners spare any subset of what they could put to pending.
	sparing = model{roles: []uint8{writer, pruner, pruner}, rounds: 3, maxPack: 1, maxN: 3, orphan: true, spare: true}
	// A long run moves to a newer fence before it commits.
	moving = model{roles: []uint8{long, pruner}, rounds: 4, maxPack: 2, maxN: 4, first: one}
	// Two prunes repack one snapshot, and a pruner deletes the old packs and revisions.
	repacking = model{halves: true, roles: []uint8{repacker, repacker, pruner}, rounds: 3, maxPack: 3, maxN: 3, first: one}
	// The same, where a revision is there that was overtaken.
	overtaken = model{halves: true, roles: []uint8{repacker, pruner, pruner}, rounds: 2, maxPack: 2, maxN: 4, first: one, late: true}
	// A snapshot is rewritten of which it is not known yet whether it counts.
	building = model{roles: []uint8{writer, expirer, pruner}, rounds: 2, maxPack: 1, maxN: 2, orphan: true}
	// A snapshot is forgotten while it is repacked.
	forgetting = model{halves: true, roles: []uint8{repacker, forgetter, pruner}, rounds: 2, maxPack: 2, maxN: 2, first: one}
	// An item is erased while snapshots that hold it are amended, amended again, and forgotten.
	erasing = model{roles: []uint8{eraser, amender, amender}, maxPack: 1, maxN: 2, first: holding, forget: true}
	// A store says of a pack that it is there, and it is not.
	doubting = model{roles: []uint8{writer, writer, pruner}, rounds: 2, maxPack: 2, maxN: 2, first: one, taken: true}
	// Packs come back that were deleted, and pruners are slow.
	returning = model{roles: []uint8{writer, pruner, pruner}, rounds: 3, maxPack: 1, maxN: 4, orphan: true, again: true}
)

// larger models, for DAYFOLD_MODEL=large.
var (
	collectingMore = model{halves: true, roles: []uint8{writer, pruner, pruner}, rounds: 3, maxPack: 3, maxN: 4, first: one, forget: true}
	writersMore    = model{roles: []uint8{writer, writer, pruner}, rounds: 3, maxPack: 3, maxN: 3, first: one, forget: true}
	sparingMore    = model{roles: []uint8{writer, pruner, pruner}, rounds: 4, maxPack: 2, maxN: 4, first: one, orphan: true, spare: true}
	repackingMore  = model{halves: true, roles: []uint8{repacker, repacker, pruner, pruner}, rounds: 2, maxPack: 3, maxN: 3, first: one}
	buildingMore   = model{roles: []uint8{writer, expirer, amender, pruner}, rounds: 3, maxPack: 2, maxN: 3, orphan: true}
	forgettingMore = model{halves: true, roles: []uint8{repacker, expirer, forgetter, pruner}, rounds: 3, maxPack: 2, maxN: 3, first: holding}
	erasingMore    = model{halves: true, roles: []uint8{eraser, amender, amender}, maxPack: 1, maxN: 4, first: holding, forget: true}
	returningMore  = model{halves: true, roles: []uint8{writer, repacker, pruner, pruner}, rounds: 3, maxPack: 2, maxN: 3, first: one, again: true}
	erasingPruned  = model{halves: true, roles: []uint8{eraser, amender, pruner}, rounds: 2, maxPack: 1, maxN: 3, first: holding}
)

// TestModels visits every state of each model, and sees that what it is about happens.
func TestModels(t *testing.T) {
	models := []struct {
		name    string
		m       model
		happens string
	}{
		{"collecting", collecting, "forget|put pack|COMMITTED snapshot|overtaken|delete pack|tidy fences before"},
		{"racing", racing, "use pack|COMMITTED snapshot|delete pack|others went on|the fence is there|tidy snapshot, revision"},
		{"sparing", sparing, "COMMITTED snapshot|delete pack|others went on"},
		{"moving", moving, "move to fence|cannot move to the newest fence|packs are gone|COMMITTED snapshot|delete pack"},
		{"repacking", repacking, "COMMITTED|not sure|the revision is taken|delete snapshot, revision|tidy snapshot, revision|delete pack"},
		{"overtaken", overtaken, "COMMITTED|not sure|tidy snapshot, revision|delete pack"},
		{"building", building, "COMMITTED|COMMITTED snapshot|overtaken|not sure|tidy snapshot, revision"},
		{"forgetting", forgetting, "COMMITTED|the snapshot was removed|FORGOTTEN|delete removal record"},
		{"erasing", erasing, "COMMITTED|ERASED|the item is there|forget|COMMITTED snapshot|overtaken"},
		{"doubting", doubting, "put pack: it is there, says the store|COMMITTED snapshot|overtaken"},
		{"returning", returning, "a pack comes back|COMMITTED snapshot|delete pack|others went on"},
		{"large returning", returningMore, "a pack comes back|COMMITTED|COMMITTED snapshot|delete pack"},
		{"large collecting", collectingMore, "delete pack|others went on"},
		{"large writing", writersMore, "COMMITTED snapshot|overtaken|delete pack"},
		{"large sparing", sparingMore, "delete pack|others went on"},
		{"large repacking", repackingMore, "COMMITTED|not sure|delete pack|others went on"},
		{"large building", buildingMore, "COMMITTED|COMMITTED snapshot|a pack of the parent is in a pruner's hand"},
		{"large forgetting", forgettingMore, "COMMITTED|the snapshot was removed|FORGOTTEN"},
		{"large erasing", erasingMore, "COMMITTED|ERASED|the item is there"},
		{"large erasing while pruned", erasingPruned, "COMMITTED|ERASED|the item is there"},
	}
	total := 0
	for _, c := range models {
		if strings.HasPrefix(c.name, "large") && os.Getenv("DAYFOLD_MODEL") != "large" {
			continue
		}
		t.Run(c.name, func(t *testing.T) { total += exhaust(t, c.name, c.m, c.happens) })
	}
	t.Logf("%9d states in all", total)
}

func exhaust(t *testing.T, name string, m model, happens string) int {
	states, wrong, trace := m.search(20_000_000)
	t.Logf("%9d states", states)
	if wrong != "" {
		t.Errorf("%s: %s\n\t%s", name, wrong, strings.Join(trace, "\n\t"))
	}
	for what := range strings.SplitSeq(happens, "|") {
		if what != "" && !m.said[what] {
			t.Errorf("%s: %q never happens", name, what)
		}
	}
	return states
}

// TestVariants switches off each rule, and sees what goes wrong without it.
func TestVariants(t *testing.T) {
	for _, c := range []struct {
		off  rule
		m    model
		want string
	}{
		{onePhase, collecting, "lacks a pack"},
		{noCheck, collecting, "is lost"},
		{noIntent, collecting, "is lost"},
		{usePending, collecting, "lacks a pack"},
		{useCondemned, collecting, "lacks a pack"},
		{staleIndex, collecting, "lacks a pack"},
		{dropAccepted, model{roles: []uint8{pruner}, rounds: 3, maxPack: 1, maxN: 3, first: one}, "is lost"},
		{forgetCondemned, model{roles: []uint8{writer, pruner, pruner}, rounds: 2, maxPack: 1, maxN: 3, orphan: true, spare: true}, "lacks a pack"},
		{noReread, racing, "lacks a pack"},
		{listOnce, doubting, "lacks a pack"},
		{noGraves, returning, "lacks a pack"},
		{noRemoved, forgetting, "nothing says so any more"},
		{recordsOnly, forgetting, "was forgotten and is there"},
		{oldFirst, repacking, "is lost"},
		{deleteOwn, repacking, "is lost"},
		{ignoreRevision, repacking, "lacks a pack"},
		{reuseRevision, overtaken, "is lost"},
		{freshBase, building, "lacks a pack"},
		{freshBase, erasing, "holds what was erased"},
		{noRemoval, forgetting, "was forgotten and is there"},
		{noParent, erasing, "holds what was erased"},
		{parentOnly, erasing, "holds what was erased"},
		{oneFence, erasing, "holds what was erased"},
	} {
		c.m.off = c.off
		states, wrong, trace := c.m.search(1_000_000)
		t.Logf("%9d states: %s: %s", states, c.off, wrong)
		if !strings.Contains(wrong, c.want) {
			t.Errorf("%s: got %q, want %q", c.off, wrong, c.want)
		}
		if os.Getenv("DAYFOLD_MODEL") == "traces" {
			t.Logf("\n\t%s", strings.Join(trace, "\n\t"))
		}
	}
}

// TestWhatDoesNotMatter switches off what one might take for a rule.
func TestWhatDoesNotMatter(t *testing.T) {
	late := model{roles: []uint8{writer, pruner}, rounds: 3, maxPack: 1, maxN: 3, orphan: true}
	small := model{halves: true, roles: []uint8{writer, pruner}, rounds: 3, maxPack: 2, maxN: 3, first: one, forget: true}
	for _, c := range []struct {
		off rule
		m   model
	}{{fenceLast, late}, {rebaseBlind, moving}, {headsFirst, small}, {backwards, small}, {headsFirst, forgetting}, {backwards, forgetting}} {
		c.m.off = c.off
		exhaust(t, string(c.off), c.m, "")
	}
}
