// Package signalv1 reads and writes the backups that Signal for Android has made until
// now: one file signal-2026-01-05-03-00-00.backup, a dump of the app's database with all
// attachments in it, encrypted under a passphrase of 30 digits and a salt of its own.
//
//	length 4, BE │ header, in clear: IV 16, salt 32, version 0 or 1
//	frame │ blob? │ frame │ blob? │ … │ frame "end"
//
//	frame, version 0   length 4, BE │ AES-CTR(message) │ HMAC 10, of AES-CTR(message)
//	frame, version 1   AES-CTR(length 4, BE ‖ message) │ HMAC 10, of all before it
//	blob               AES-CTR(content)                │ HMAC 10, of counter block ‖ content
//
// The length of a frame counts the HMAC. In version 1 it has to be acted on before it
// is authenticated, so it is capped. Each frame and each blob has the next counter:
// the first four bytes of the IV, read as a number, go up by one, past 2^32 to zero.
// So the place and the counter of a blob, which follow from the frames before it, are
// enough to open it alone.
//
// A frame is a message: a statement of SQL with its parameters, a preference, a blob's
// announcement, and so on. A row is INSERT INTO table VALUES (?,?,…), in the order of the
// columns of the file's own CREATE TABLE: rows are read by the names in it.
//
// A Source goes over the file twice. First over the frames alone: what the tables are, and
// of each message when it was sent, in which conversation, and how long it lives. Then
// it yields one item for each frame, and checks the HMAC of each blob on the way; a blob is
// opened again only if the engine does not have its content yet. What belongs to a
// message, such as a reaction, lies beside it and lives as long as it does.
//
// Write is the way back: frame for frame and blob for blob, under a fresh salt and IV. A
// History is the way across: it tells the rows as frames of a local backup, from which the
// plaintext export is written.
package signalv1
