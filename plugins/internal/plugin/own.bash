# What the script below needs where the package bash-completion is not installed.

# The words of the command line, each as it was typed. Bash takes them apart at "=" and ":".
__kubectl_mesh_words()
{
    local i word last= rest=$COMP_LINE stripped
    words=()
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        stripped=${rest#"${rest%%[![:space:]]*}"}
        if [[ i -gt 0 && $stripped == "$rest" && ( $word == [=:]* || $last == [=:]* ) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words[${#words[@]}]=$word
        fi
        rest=${stripped#"$word"} last=$word
        if ((i == COMP_CWORD)); then
            cword=$((${#words[@]} - 1))
        fi
    done
    cur=${words[cword]} prev=
    if ((cword > 0)); then
        prev=${words[cword-1]}
    fi
}

# Files that begin with what is typed: with -d directories, with "json|md|" also the files with those endings, else all. The package does it
# better, where it is installed.
__kubectl_mesh_files()
{
    if declare -F _filedir >/dev/null; then
        _filedir "$@"
        return
    fi
    local ending
    IFS=$'\n' read -ra COMPREPLY -d '' < <(
        case ${1-} in
        '') compgen -f -- "$cur" ;;
        -d) compgen -d -- "$cur" ;;
        *)
            compgen -d -- "$cur"
            for ending in ${1//|/ }; do
                compgen -f -X "!*.$ending" -- "$cur"
            done
            ;;
        esac
    )
    if [[ $(type -t compopt) == builtin ]]; then
        compopt -o filenames
    fi
}

