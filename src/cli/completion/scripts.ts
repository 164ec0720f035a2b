/**
 * The completion scripts. Each only asks `lares completion --words`, so what is completed is decided in one place and a
 * new command is completed without installing the script again.
 */
export const scripts = {
  bash: `_lares() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _lares lares
`,
  zsh: `#compdef lares
_lares() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)candidates:#}")
  if (( \${#candidates} )); then compadd -- "\${candidates[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _lares ]]; then _lares; else compdef _lares lares; fi
`,
  fish: `function __lares_words
  set -l words (commandline --current-process --tokenize --cut-at-cursor)
  lares completion --words -- $words[2..-1] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command lares --arguments '(__lares_words)'
`,
} as const;

export type Shell = keyof typeof scripts;
