package actions_test

// hostile is what must never be a command, and with what is left of it for a reader.
var hostile = map[string]string{
	"::add-mask::pass":                        `\::add-mask::pass`,
	"   ::add-mask::pass":                     `   \::add-mask::pass`,
	"\t::set-output name=verdict::pass":       `    \::set-output name=verdict::pass`,
	"\u3000::add-mask::pass":                  "\u3000\\::add-mask::pass",
	"##[add-mask]pass":                        `##\[add-mask]pass`,
	"#7 0.31 see ##[add-mask]pass":            `#7 0.31 see ##\[add-mask]pass`,
	"###[group]x":                             `###\[group]x`,
	"##[##[add-mask]x":                        `##\[##\[add-mask]x`,
	"::\x1b[0madd-mask::x":                    `\::add-mask::x`,
	":\x1b[31m:add-mask::x":                   `\::add-mask::x`,
	"\x1b[2K\x1b[1G::add-mask::x":             `\::add-mask::x`,
	"#\x1b[0m#\x1b]0;t\x07[add-mask]x":        `##\[add-mask]x`,
	"\u009b0m::add-mask::x":                   `\::add-mask::x`,
	"\x00::add-mask::x":                       `\x00::add-mask::x`,
	"\u200b::add-mask::x":                     `\u200b::add-mask::x`,
	"\ufeff::add-mask::x":                     `\ufeff::add-mask::x`,
	"\ufe0f::add-mask::x":                     "\ufe0f\\::add-mask::x",
	":\ufe0f:add-mask::x":                     "\\:\ufe0f:add-mask::x",
	"#\u0301#\ufe0f[add-mask]x":               "#\u0301#\ufe0f\\[add-mask]x",
	"\xff::add-mask::x":                       `\xff::add-mask::x`,
	"::ADD-MASK::x":                           `\::ADD-MASK::x`,
	"##[start-action display=x;id=y]":         `##\[start-action display=x;id=y]`,
	"std::vector<a::b> and # [x] #[y] a ## b": "std::vector<a::b> and # [x] #[y] a ## b",
	"a::b::c": "a::b::c",
	"\x1b[1;31merror\x1b[0m: ünï 名前 🚢": "error: ünï 名前 🚢",
	"%0A::add-mask::x":                 "%0A::add-mask::x",
}

// breaks are what the runner, or a reader, takes for the end of a line.
var breaks = []string{"\n", "\r", "\r\n", "\u0085", "\u2028", "\u2029"}
