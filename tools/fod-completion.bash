# Completion of bash for fod and fod-generate: commands, flags, their values, files by kind.
# To use it: source tools/fod-completion.bash (in ~/.bashrc to keep it).
#
# What there is to complete is asked of `fod` itself at each TAB (`fod __complete`, some
# milliseconds), so this file knows no flag and is right for any version. For fod-generate the `fod`
# of the same folder is asked.

# _fod_files CURRENT ENDING...: folders, and files with one of the endings (any without endings)
_fod_files() {
  local current=$1 file ending
  shift
  compopt -o filenames 2>/dev/null
  while IFS= read -r file; do
    if [[ -d $file || $# -eq 0 ]]; then
      COMPREPLY+=("$file")
      continue
    fi
    for ending in "$@"; do
      if [[ $file == *."$ending" ]]; then
        COMPREPLY+=("$file")
        break
      fi
    done
  done < <(compgen -f -- "$current")
}

_fod() {
  local command=${COMP_WORDS[0]} words=() word
  COMPREPLY=()
  # bash parts words at "=": put them together again, up to the word under the cursor.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if ((${#words[@]} > 0)) && [[ $word == "=" || ${words[-1]} == --*= ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  local program=fod current=${words[-1]}
  local fod=$command
  if [[ $command == *fod-generate ]]; then
    program=fod-generate
    fod=${command%-generate}
  fi
  # Replies replace what stands behind the last "=".
  [[ $current == --*=* ]] && current=${current#*=}
  local line
  while IFS= read -r line; do
    if [[ $line == @files* ]]; then
      # shellcheck disable=SC2086 # endings are words
      _fod_files "$current" ${line#@files}
    else
      COMPREPLY+=("$line")
    fi
  done < <("${fod/#\~/$HOME}" __complete "$program" "${words[@]}" 2>/dev/null)
}

complete -F _fod fod fod-generate
