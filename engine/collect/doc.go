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
//  1. reads the newest fence, then lists removal records, snapshots, packs. It uses only
//     packs that are listed and [Usable]; of a snapshot that neither a record nor the fence
//     has removed it takes the newest revision that is [Valid];
//  2. puts new packs, and then the snapshot. Its base is the number of that fence, or
//     less when it is made from another snapshot: see [Base];
//  3. lists intents, then reads the newest fence. If the snapshot is not [Committed], it
//     was overtaken, and the writer starts over. It may delete what it put. Packs need not
//     be listed again, unless the store has said of one that it was there already.
//
// A writer may move to a newer fence before it puts the snapshot: it reads the fence,
// then lists packs, and all that it needs must be listed and usable again.
//
// A rewriter is a writer whose snapshot is a higher revision of one that is there: one
// more than the highest that is there, valid or not. When that is taken it starts over.
// Once committed, and not before, it deletes lower revisions. It never deletes its own,
// even if it was overtaken: an intent without a fence leaves open whether the revision
// counts, and a pruner that listed it may have deleted the lower ones.
//
// A pruner
//
//  1. reads the newest fence, k-1, and puts the intent k;
//  2. lists packs, removal records and snapshots, calls [Plan], and puts the fence k,
//     unless there is one;
//  3. reads the newest fence again: if it is not k, then there has been a fence k before,
//     and others deleted it while the pruner slept. It stops;
//  4. deletes what is condemned, then revisions that will never count, then removal
//     records that k tells of, older fences and intents. Revisions that will never count
//     are those below one that k accepted, all of a removed snapshot, and all invalid ones
//     of a snapshot of which it accepted none. An invalid one above stays, so that its
//     number is not given again while somebody is about to delete it.
//
// An eraser rewrites what holds the item until it finds none, and raises fences, sparing
// all packs. When two in a row have listed nothing that counts and holds the item, every
// writer that may have read it is overtaken, and the item is erased for good. There is
// no need for writers to look at their parents again after the put, and it would not do:
// one that stops before it looks leaves behind what was erased.
//
// To forget a snapshot, one puts a removal record and deletes all revisions. From then on
// no revision counts, whenever it comes. All later fences tell of the removal, and so the
// record goes once one does. A rewriter lists records after its put, before it reads the
// newest fence; committed or not, it deletes its own revision if either has it removed.
//
// # Why it holds
//
// Writers put, then look for intents; pruners put an intent, then list: one of the two
// sees the other. A pack that was usable at base b is pending at b+1 at the soonest and
// condemned at b+2, whose fence either lists the snapshot or overtakes it. A condemned
// pack is never used again, since somebody may be about to delete it. It may even come
// back after it was deleted, when its writer had sent it twice and one request was long
// under way. So fences tell of all that ever died.
//
// No clock, lock or lease is used. The store must refuse to create a name that is there,
// list what was put, and create a name at most once for one request.
//
// The tests of this package are the argument: they explore what writers, rewriters,
// erasers and pruners that may stop anywhere can do to one another, with the functions
// of this package deciding, and show for each rule what goes wrong without it.
package collect
