# What the script below needs where the package bash-completion is not installed: the words of the command line, each as it was typed. Bash
# takes them apart at "=" and ":".
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

