// Package collect decides what may be deleted: which revisions of snapshots count, which
// packs may be used, which die. It computes and never acts; engine does what it says.
//
// # The protocol
//
// A store holds packs, snapshots in revisions, and fences, numbered from 1. Only the
// newest fence counts. It names the revisions that it accepted, and the packs that no
// snapshot needed: for the first time (pending) or again (condemned).
//
// A writer
//
//  1. reads the newest fence: its number is the base of what will be written;
//  2. lists snapshots, then intents, then packs. It builds only on the newest valid
//     revision of a snapshot, and only if that is [Committed]; it uses only packs that
//     are listed and [Usable];
//  3. puts new packs, then the snapshot;
//  4. lists intents, then reads the newest fence. If the snapshot is not [Committed], it
//     was overtaken, and the writer starts over.
//
// A rewriter is a writer whose snapshot is a higher revision of one that is there. Its
// number is one more than the highest that is there, valid or not; when that is taken it
// starts over. Once committed, and not before, it deletes all lower revisions. It never
// deletes its own, unless a removal record is there: an intent without a fence leaves
// open whether the revision counts, and a pruner may have deleted the lower ones already.
//
// A pruner
//
//  1. reads the newest fence, k-1, and puts the intent k;
//  2. lists packs and snapshots, calls [Plan], and puts the fence k, unless there is one;
//  3. reads the newest fence again: if it is not its own, others went on and tidied
//     while it slept, and it stops;
//  4. deletes what is condemned, then revisions that do not count (not a snapshot's
//     highest while the snapshot has one that counts), then older fences and intents.
//
// An eraser rewrites what has the item until it finds none, and then raises fences until
// two in a row listed none. Then every writer that may have read the item is overtaken.
//
// To forget a snapshot, one puts a removal record and deletes all revisions. From then on
// no revision counts, whenever it comes; who writes one looks for the record afterwards.
//
// # Why it holds
//
// Writers put, then look for intents; pruners put an intent, then list: one of the two
// sees the other. A pack that was usable at base b is pending at b+1 at the soonest and
// condemned at b+2, whose fence either lists the snapshot or overtakes it. A condemned
// pack stays condemned until it is gone, since somebody may be about to delete it.
//
// No clock, lock or lease is used. The store must refuse to create a name twice, list
// what was put, list in order of name, and create a name at most once for one request.
//
// The tests of this package are the argument: they explore what writers, rewriters,
// erasers and pruners that may stop anywhere can do to one another, with the functions
// of this package deciding, and show for each rule what goes wrong without it.
package collect
