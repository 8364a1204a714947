package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/dayfold/dayfold/"

// floors are the floors of the house, as engine/DESIGN.md draws them. Imports go down.
var floors = map[string]int{
	"pack/seal": 1, "chunk": 1, "engine/store": 1,
	"pack": 2, "engine/store/local": 2, "engine/store/s3": 2, "engine/store/webdav": 2, "engine/store/sftp": 2,
	"engine/store/storetest": 2,
	"engine/store/rclone":    3, "index": 3, "engine/tree": 3, "engine/collect": 3,
	"engine":               4,
	"engine/source/signal": 5, "engine/source/signaldesktop/sqlcipher": 5, "engine/source/signallocal": 6, "engine/source/signalv1": 6, "engine/source/export": 6, "engine/source/dir": 6, "engine/source/signal/signaltest": 6,
	"engine/source/signaldesktop": 6,
	"cmd/dayfold":                 7, "bench/corpus": 7, "bench/chart": 7, "bench/corpus/gen": 8, "bench/growth": 8, "bench/stages": 8, "bench": 8,
}

// pure packages compute: bytes in, bytes out.
var pure = []string{"pack/seal", "chunk", "pack", "engine/tree", "engine/collect"}

// impure is what a pure package does not import; "go" stands for the go statement.
var impure = []string{"context", "os", "net", "net/http", "path/filepath", "os/exec", "syscall"}

type file struct {
	name    string
	pkg     string
	imports []string
	ast     *ast.File
}

// parse reads every Go file of the house that is not a test, nor in testdata or a
// nested module.
func parse(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(name, "../"))
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != ".." {
				return fs.SkipDir
			}
			if base := d.Name(); base == "testdata" || strings.HasPrefix(base, ".") && name != ".." {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		a, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{name: rel, pkg: path.Dir(rel), ast: a}
		for _, imp := range a.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Fatalf("found %d files: the walk has lost its way", len(files))
	}
	return files
}

func TestImportsGoDown(t *testing.T) {
	for _, f := range parse(t) {
		floor, ok := floors[f.pkg]
		if !ok {
			t.Errorf("%s: package %s has no floor", f.name, f.pkg)
			continue
		}
		for _, imp := range f.imports {
			local, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			if below, ok := floors[local]; !ok || below >= floor {
				t.Errorf("%s: %s (floor %d) imports %s (floor %d)", f.name, f.pkg, floor, local, below)
			}
		}
	}
}

func TestPurePackagesOnlyCompute(t *testing.T) {
	for _, f := range parse(t) {
		if !slices.Contains(pure, f.pkg) {
			continue
		}
		for _, imp := range f.imports {
			if slices.Contains(impure, imp) {
				t.Errorf("%s imports %s", f.name, imp)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", f.name)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Sleep", "After"}, n.Sel.Name) {
					t.Errorf("%s looks at the clock", f.name)
				}
			}
			return true
		})
	}
}

// The names that a service learns are few, and each says what it is.
func TestEngineExportsFewNamesAndDocumentsThem(t *testing.T) {
	var names []string
	for _, f := range parse(t) {
		if f.pkg != "engine" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && !heapMethod(d.Name.Name) {
					t.Errorf("%s: %s has no comment", f.name, d.Name.Name)
				}
				if d.Recv == nil && d.Name.IsExported() {
					names = append(names, d.Name.Name)
				}
			case *ast.GenDecl:
				names = append(names, declared(t, f, d)...)
			}
		}
	}
	if len(names) > 30 {
		t.Errorf("engine exports %d names: %v", len(names), names)
	}
}

func heapMethod(name string) bool {
	return slices.Contains([]string{"Len", "Less", "Swap", "Push", "Pop", "Error", "Load", "Save", "Read"}, name)
}

func declared(t *testing.T, f file, d *ast.GenDecl) (names []string) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				names = append(names, s.Name.Name)
				if d.Doc == nil && s.Doc == nil {
					t.Errorf("%s: %s has no comment", f.name, s.Name.Name)
				}
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

func TestTopLevelIsTheUsers(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"engine", "chunk", "index", "pack", "cmd", "bench", "go.mod", "go.sum", "README.md", "LICENSE", "CONTRIBUTING.md"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s lies at the top level", e.Name())
		}
	}
}
