package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A step is one thing that people do with an archive.
type step string

// The steps, in the order of a scenario; Day comes once for each day.
const (
	First     step = "first"
	Unchanged step = "unchanged"
	Day       step = "day"
	Restore   step = "restore"
	Message   step = "message" // one, by what a user knows of it
	Chat      step = "chat"    // one conversation
	File      step = "file"    // one media
	Check     step = "check"   // of all data
	Rebuild   step = "rebuild" // of the index
	Prune     step = "prune"   // after forgetting all but the newest snapshot
)

var allSteps = []step{First, Unchanged, Day, Restore, Message, Chat, File, Check, Rebuild, Prune}

// A place is where one tool works: everything of it lies below its own folder.
type place struct {
	source string // the history, the same for all
	kind   string // format of the history
	item   string // the file that Message, Chat or File wants, relative to source; of a tool with items of its own a key
	line   string // how the wanted line of item begins (Message)
	group  string // the conversation that Chat wants, of a tool with items of its own
	key    string // file with the key of a Signal backup
	repo   string
	state  string // caches and keys
	target string // where a restore goes; new for each
	out    string // where the one item goes
	tool   string // path of the tool's binary
}

// A tool is one contender: what it runs in each step, and what it cannot do.
type tool struct {
	name    string
	binary  string
	version []string
	env     func(p place) []string
	init    func(p place) []command
	steps   map[step]func(p place) []command
	// ownFormat says that Signal's formats come back as such, and not as files.
	ownFormat bool
}

func run(argv ...string) []command { return []command{{argv: argv}} }

// tools are all contenders, Dayfold first: the others are measured against it.
var tools = []tool{
	{
		name: "dayfold", binary: "dayfold", version: []string{"version"}, ownFormat: true,
		env: func(p place) []string {
			return []string{"DAYFOLD_REPO=" + p.repo, "DAYFOLD_KEY_FILE=" + p.state + "/key", "DAYFOLD_CACHE_DIR=" + p.state + "/cache", "XDG_CONFIG_HOME=" + p.state}
		},
		init: func(p place) []command { return run(p.tool, "-q", "init") },
		steps: map[step]func(p place) []command{
			First: dayfoldBackup, Unchanged: dayfoldBackup, Day: dayfoldBackup,
			Restore: func(p place) []command { return dayfoldRestore(p) },
			Message: func(p place) []command {
				if p.line == "" {
					return dayfoldCat(p)
				}
				return p.grep(`"$0" cat latest "$1"`)
			},
			Chat: func(p place) []command {
				if p.group == "" {
					return dayfoldCat(p)
				}
				return dayfoldRestore(p, "--group", p.group)
			},
			File:    dayfoldCat,
			Check:   func(p place) []command { return run(p.tool, "-q", "check", "--read-data") },
			Rebuild: func(p place) []command { return run(p.tool, "-q", "rebuild-index") },
			Prune:   func(p place) []command { return run(p.tool, "-q", "forget", "--keep-last", "1", "--prune") },
		},
	},
	{
		name: "cp", binary: "cp", version: []string{"--version"},
		steps: map[step]func(p place) []command{
			First:   cpAnew,
			Day:     cpAnew,
			Restore: func(p place) []command { return run("cp", "-a", p.repo, p.target) },
			Message: func(p place) []command { return p.grep(`cat "$2/$1"`, p.repo) },
			Chat:    cpOne,
			File:    cpOne,
			Check:   func(p place) []command { return run("sh", "-c", `find "$0" -type f -exec cat {} + >/dev/null`, p.repo) },
		},
	},
	{
		name: "restic", binary: "restic", version: []string{"version"},
		env: func(p place) []string {
			return []string{"RESTIC_REPOSITORY=" + p.repo, "RESTIC_PASSWORD=bench", "RESTIC_CACHE_DIR=" + p.state}
		},
		init: func(p place) []command { return run(p.tool, "init", "-q") },
		steps: map[step]func(p place) []command{
			First: resticBackup, Unchanged: resticBackup, Day: resticBackup,
			Restore: func(p place) []command { return run(p.tool, "restore", "-q", "latest:"+p.source, "--target", p.target) },
			Message: func(p place) []command { return p.grep(`"$0" dump -q --no-lock latest "$2/$1"`, p.source) },
			Chat:    resticDump,
			File:    resticDump,
			Check:   func(p place) []command { return run(p.tool, "check", "-q", "--read-data") },
			Rebuild: func(p place) []command { return run(p.tool, "repair", "index", "-q", "--read-all-packs") },
			Prune:   func(p place) []command { return run(p.tool, "forget", "-q", "--keep-last", "1", "--prune") },
		},
	},
	{
		name: "borg", binary: "borg", version: []string{"--version"},
		env: func(p place) []string {
			return []string{"BORG_REPO=" + p.repo, "BORG_PASSPHRASE=bench", "BORG_BASE_DIR=" + p.state, "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes"}
		},
		init: func(p place) []command { return run(p.tool, "init", "-e", "repokey-blake2") },
		steps: map[step]func(p place) []command{
			First: borgBackup, Unchanged: borgBackup, Day: borgBackup,
			Restore: func(p place) []command {
				return []command{{argv: []string{"mkdir", "-p", p.target}}, {argv: []string{"sh", "-c", borgLast + `exec "$0" extract "::$last"`, p.tool}, dir: p.target}}
			},
			Message: func(p place) []command { return p.grep(borgLast + `"$0" extract --stdout "::$last" "$1"`) },
			Chat:    borgExtract,
			File:    borgExtract,
			Check:   func(p place) []command { return run(p.tool, "check", "--verify-data") },
			Rebuild: func(p place) []command { // what lies beside the segments is made anew from them
				return run("sh", "-c", `rm "$1"/index.* "$1"/hints.* "$1"/integrity.* && exec "$0" list`, p.tool, p.repo)
			},
			Prune: func(p place) []command {
				return append(run(p.tool, "prune", "--keep-last", "1"), run(p.tool, "compact")...)
			},
		},
	},
	kopia("kopia"),
	kopia("kopia-zstd", "policy", "set", "--global", "--compression=zstd-fastest"),
	{
		name: "plakar", binary: "plakar", version: []string{"version"},
		env: func(p place) []string {
			return []string{"PLAKAR_PASSPHRASE=bench bench bench", "HOME=" + p.state, "XDG_CACHE_HOME=" + p.state}
		},
		init: func(p place) []command { return run(p.tool, "at", p.repo, "create") },
		steps: map[step]func(p place) []command{
			First: plakarBackup, Unchanged: plakarBackup, Day: plakarBackup,
			Check: func(p place) []command { return run(p.tool, "at", p.repo, "check") },
		},
	},
}

// kopia is the contender of that name: as it is by default, or after a command that
// says otherwise.
func kopia(name string, settings ...string) tool {
	return tool{
		name: name, binary: "kopia", version: []string{"--version"},
		env: func(p place) []string {
			return []string{"KOPIA_PASSWORD=bench", "KOPIA_CONFIG_PATH=" + p.state + "/config", "KOPIA_CACHE_DIRECTORY=" + p.state + "/cache", "KOPIA_LOG_DIR=" + p.state + "/log", "KOPIA_CHECK_FOR_UPDATES=false"}
		},
		init: func(p place) []command {
			cmds := run(p.tool, "repository", "create", "filesystem", "--path", p.repo)
			if len(settings) > 0 {
				cmds = append(cmds, command{argv: append([]string{p.tool}, settings...)})
			}
			return cmds
		},
		steps: map[step]func(p place) []command{
			First: kopiaBackup, Unchanged: kopiaBackup, Day: kopiaBackup,
			Restore: func(p place) []command {
				return run(p.tool, "restore", p.source, p.target, "--snapshot-time", "latest")
			},
			Message: func(p place) []command {
				return append(kopiaOne(p, p.target), p.grep(`cat "$2"`, p.target)...)
			},
			Chat:  func(p place) []command { return kopiaOne(p, p.out) },
			File:  func(p place) []command { return kopiaOne(p, p.out) },
			Check: func(p place) []command { return run(p.tool, "snapshot", "verify", "--verify-files-percent=100") },
			Rebuild: func(p place) []command {
				return run(p.tool, "index", "recover", "--dangerous-commands=enabled", "--delete-indexes", "--commit", "--parallel=2")
			},
			// By its defaults nothing would be freed for a day.
			Prune: func(p place) []command {
				return append(append(append(run(p.tool, "policy", "set", p.source, "--keep-latest=1", "--keep-hourly=0", "--keep-daily=0", "--keep-weekly=0", "--keep-monthly=0", "--keep-annual=0"),
					run(p.tool, "snapshot", "expire", p.source, "--delete")...),
					run(p.tool, "maintenance", "run", "--full", "--safety=none")...),
					run(p.tool, "maintenance", "run", "--full", "--safety=none")...)
			},
		},
	}
}

func kopiaOne(p place, to string) []command {
	return run(p.tool, "restore", filepath.Join(p.source, p.item), to, "--snapshot-time", "latest")
}

// grep runs a shell command that writes p.item ("$1") with the tool ("$0"), and keeps
// the line that is wanted. more are "$2" and so on.
func (p place) grep(read string, more ...string) []command {
	argv := append([]string{"sh", "-c", read + " | grep -m 1 -F -e '" + p.line + "'", p.tool, p.item}, more...)
	return []command{{argv: argv, stdout: p.out}}
}

func dayfoldCat(p place) []command {
	return []command{{argv: []string{p.tool, "cat", "latest", p.item}, stdout: p.out}}
}

func dayfoldRestore(p place, more ...string) []command {
	argv := append([]string{p.tool, "-q", "restore", "--target", p.target}, more...)
	if p.kind == "signal-local" {
		argv = append(argv, "--signal-key-file", p.key)
	}
	return run(argv...)
}

func cpOne(p place) []command { return run("cp", filepath.Join(p.repo, p.item), p.out) }

func resticDump(p place) []command {
	return []command{{argv: []string{p.tool, "dump", "-q", "--no-lock", "latest", filepath.Join(p.source, p.item)}, stdout: p.out}}
}

func borgExtract(p place) []command {
	return []command{{argv: []string{"sh", "-c", borgLast + `exec "$0" extract --stdout "::$last" "$1"`, p.tool, p.item}, stdout: p.out}}
}

// borgLast finds the newest archive's name.
const borgLast = `last=$("$0" list --last 1 --format '{archive}') && `

// cpAnew copies everything each time, and so keeps one day: what there is without
// any engine.
func cpAnew(p place) []command {
	return run("sh", "-c", `rm -rf "$1" && exec cp -a "$0" "$1"`, p.source, p.repo)
}

func dayfoldBackup(p place) []command {
	argv := []string{p.tool, "-q", "backup", "--kind", p.kind, p.source}
	if p.kind == "signal-local" {
		argv = append(argv, "--signal-key-file", p.key)
	}
	return run(argv...)
}

func resticBackup(p place) []command { return run(p.tool, "backup", "-q", p.source) }

func borgBackup(p place) []command {
	return []command{{argv: []string{p.tool, "create", "::{now:%Y-%m-%dT%H:%M:%S.%f}", "."}, dir: p.source}}
}

func kopiaBackup(p place) []command {
	return run(p.tool, "snapshot", "create", p.source, "--no-progress")
}

func plakarBackup(p place) []command { return run(p.tool, "at", p.repo, "backup", p.source) }

// find returns the contenders of these names, with their paths: those that were built
// into pinned, and those on PATH. And it returns the names of those that are nowhere.
func find(names []string, dayfold, pinned string) (found []tool, paths map[string]string, missing []string) {
	paths = map[string]string{}
	for _, t := range tools {
		wanted := t.name == "dayfold"
		for _, n := range names {
			wanted = wanted || n == t.name
		}
		path, err := exec.LookPath(filepath.Join(pinned, t.binary))
		if err != nil {
			path, err = exec.LookPath(t.binary)
		}
		if t.name == "dayfold" {
			path, err = dayfold, nil
		}
		switch {
		case !wanted:
		case err != nil:
			missing = append(missing, t.name)
		default:
			found, paths[t.name] = append(found, t), path
		}
	}
	return found, paths, missing
}

// versionOf returns the first line that the tool says of itself.
func versionOf(t tool, path string) string {
	cmd := exec.Command(path, t.version...)
	cmd.Env = append(os.Environ(), "HOME=/nonexistent")
	out, _ := cmd.CombinedOutput() // a tool that cannot say is measured all the same
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
