// Command mutate changes one place of a package at a time and runs the package's tests. A
// mutant that no test notices survives: there is a line whose meaning nothing holds.
//
//	go run ./.ci/mutate [-n 50] [-seed 1] [-short] ./pack ./pack/seal ./engine/tree ./engine/collect
//
// No file is written: go test reads the mutant as an overlay. Survivors are printed with
// their place; engine/TESTING.md says why those that are left may stay.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A mutant is a file in which the bytes from at to end are text.
type mutant struct {
	file    string
	at, end int
	text    string
	line    int
	was     string
}

// swaps are what an operator becomes.
var swaps = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
	token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*",
	token.SHL: ">>", token.SHR: "<<", token.AND: "|", token.OR: "&", token.XOR: "&",
}

func main() {
	n := flag.Int("n", 0, "mutants of each package, drawn at random; 0: all")
	seed := flag.Uint64("seed", 1, "of the draw")
	short := flag.Bool("short", false, "run the short tests")
	flag.Parse()
	for _, pkg := range flag.Args() {
		if err := try(pkg, *n, *seed, *short); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// try mutates a package, and prints what survived and how many were killed.
func try(pkg string, n int, seed uint64, short bool) error {
	all, err := mutants(pkg)
	if err != nil {
		return err
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	killed, survived := 0, 0
	for _, m := range all {
		if n > 0 && killed+survived == n {
			break
		}
		switch verdict, err := m.run(pkg, short); {
		case err != nil:
			return err
		case verdict == "survives":
			survived++
			fmt.Printf("%s:%d: %s -> %s\n", m.file, m.line, oneLine(m.was), oneLine(m.text))
		case verdict == "killed":
			killed++
		}
	}
	fmt.Printf("%s: %d of %d mutants killed (%.1f %%), of %d that there are\n", pkg, killed, killed+survived, 100*float64(killed)/float64(max(killed+survived, 1)), len(all))
	return nil
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return "nothing"
	}
	return s[:min(len(s), 80)]
}

// run is "killed", "survives", or "" for a mutant that is no program.
func (m mutant) run(pkg string, short bool) (string, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "mutant.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file: changed}})
	if err != nil {
		return "", err
	}
	for name, data := range map[string]string{changed: string(src[:m.at]) + m.text + string(src[m.end:]), filepath.Join(dir, "overlay.json"): string(overlay)} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			return "", err
		}
	}
	args := []string{"test", "-overlay", filepath.Join(dir, "overlay.json"), "-count=1", "-timeout=120s", "-vet=off", "-failfast"}
	if short {
		args = append(args, "-short")
	}
	out, err := exec.Command("go", append(args, pkg)...).CombinedOutput()
	switch {
	case err == nil:
		return "survives", nil
	case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
		return "", nil
	}
	return "killed", nil
}

// mutants are all of a package: operators swapped, conditions negated, calls and
// assignments left out.
func mutants(pkg string) (all []mutant, err error) {
	files, err := filepath.Glob(filepath.Join(pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		name, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, name, src, 0)
		if err != nil {
			return nil, err
		}
		add := func(from, to token.Pos, text string) {
			p := fset.Position(from)
			end := fset.Position(to).Offset
			all = append(all, mutant{name, p.Offset, end, text, p.Line, string(src[p.Offset:end])})
		}
		ast.Inspect(tree, func(node ast.Node) bool {
			switch x := node.(type) {
			case *ast.GenDecl:
				return x.Tok != token.IMPORT && x.Tok != token.CONST // a constant of the format is held by goldens
			case *ast.BinaryExpr:
				if swap, ok := swaps[x.Op]; ok {
					add(x.OpPos, x.OpPos+token.Pos(len(x.Op.String())), swap)
				}
			case *ast.IfStmt:
				add(x.Cond.Pos(), x.Cond.End(), "!("+string(src[fset.Position(x.Cond.Pos()).Offset:fset.Position(x.Cond.End()).Offset])+")")
			case *ast.ExprStmt:
				add(x.Pos(), x.End(), "")
			case *ast.AssignStmt:
				if x.Tok != token.DEFINE {
					add(x.Pos(), x.End(), "")
				}
			case *ast.IncDecStmt:
				add(x.Pos(), x.End(), "")
			}
			return true
		})
	}
	return all, nil
}
