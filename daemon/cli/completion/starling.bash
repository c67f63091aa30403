
# The words of the line up to the cursor, without their quotes: w; the quote that is still open, or nothing: quote.
_starling_split() {
	local line=${COMP_LINE:0:COMP_POINT} word='' c i
	w=() quote=''
	for ((i = 0; i < ${#line}; i++)); do
		c=${line:i:1}
		if [[ -n $quote ]]; then
			if [[ $c == "$quote" ]]; then quote=''; else word+=$c; fi
		elif [[ $c == [\"\'] ]]; then
			quote=$c
		elif [[ $c == \\ ]]; then
			word+=${line:++i:1}
		elif [[ $c == [[:space:]] ]]; then
			[[ -n $word ]] && w+=("$word")
			word=''
		else
			word+=$c
		fi
	done
	w+=("$word")
}

# Offers words that begin with VALUE, each after BEFORE: _starling_offer VALUE BEFORE WORDS
_starling_offer() {
	local word
	for word in $3; do
		[[ $word == "$1"* ]] && COMPREPLY+=("$2$word")
	done
	[[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *[:=,] ]] && compopt -o nospace 2> /dev/null
}

_starling_files() { # -f or -d, VALUE, BEFORE
	local name
	compopt -o filenames 2> /dev/null
	while IFS= read -r name; do COMPREPLY+=("$3$name"); done < <(compgen "$1" -- "$2")
}

_starling_runs() { # VALUE BEFORE: folders of runs, or else any folder
	local name
	_starling_files -d "$1" "$2"
	local -a all=("${COMPREPLY[@]}") runs=()
	for name in "${all[@]}"; do
		[[ -e ${name#"$2"}/run.conf ]] && runs+=("$name")
	done
	[[ ${#runs[@]} -eq 0 ]] || COMPREPLY=("${runs[@]}")
}

# Offers what completes VALUE, which is of that kind: _starling_value KIND VALUE BEFORE
_starling_value() {
	case $1 in
	file) _starling_files -f "$2" "$3" ;;
	folder) _starling_files -d "$2" "$3" ;;
	run) _starling_runs "$2" "$3" ;;
	words\ *) _starling_offer "$2" "$3" "${1#words }" ;;
	setting)
		if [[ $2 == *=* ]]; then
			_starling_value "$(_starling_setting "${2%%=*}")" "${2#*=}" "$3${2%%=*}="
		else
			_starling_offer "$2" "$3" "$(_starling_names setting)"
		fi
		;;
	pipeline)
		local done=${2%"${2##*|}"} rest=${2##*|} bars
		bars=${done//[!|]/}
		done+=${rest%%[! ]*}
		_starling_offer "${rest#"${rest%%[! ]*}"}" "$3$done" "$(_starling_names "stage${#bars}")"
		;;
	format)
		if [[ $2 == *:* ]]; then
			_starling_files -f "${2##*[:,]}" "$3${2%"${2##*[:,]}"}"
		else
			_starling_offer "$2" "$3" "$(_starling_names format)"
		fi
		;;
	topology)
		if [[ $2 == file:* ]]; then
			_starling_files -f "${2#file:}" "$3file:"
		else
			_starling_offer "$2" "$3" "$(_starling_names topology) file:"
		fi
		;;
	?*) _starling_offer "$2" "$3" "$(_starling_names "$1")" ;;
	esac
}

# Readline replaces what follows the last of its word breaks, unless the word is quoted.
_starling_unbreak() {
	local whole=$1 break prefix='' i
	[[ -z $quote ]] || return 0
	for break in : =; do
		[[ $COMP_WORDBREAKS == *"$break"* && ${whole%"${whole##*"$break"}"} == "$prefix"* ]] &&
			prefix=${whole%"${whole##*"$break"}"}
	done
	for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$prefix"}; done
}

_starling_line() { # COMMAND, position of its first argument
	local word=${w[${#w[@]} - 1]} before=${w[${#w[@]} - 2]} kind
	if [[ ${#w[@]} -gt $(($2 + 1)) ]] && kind=$(_starling_option "$1" "$before"); then
		_starling_value "$kind" "$word" ''
	elif [[ $word == --*=* ]]; then
		kind=$(_starling_option "$1" "${word%%=*}") && _starling_value "$kind" "${word#*=}" "${word%%=*}="
	elif [[ $word == -* ]]; then
		_starling_offer "$word" '' "$(_starling_options "$1" | cut -d : -f 1)"
	else
		_starling_value "$(_starling_operand "$1")" "$word" ''
	fi
}

_starling() {
	local -a w
	local quote
	COMPREPLY=()
	_starling_split
	if [[ ${#w[@]} -le 2 || ${w[1]} == help ]]; then
		_starling_offer "${w[${#w[@]} - 1]}" '' "$(_starling_commands | cut -d : -f 1)"
	else
		_starling_line "${w[1]}" 2
	fi
	_starling_unbreak "${w[${#w[@]} - 1]}"
}

_starlingd() {
	local -a w
	local quote
	COMPREPLY=()
	_starling_split
	_starling_line starlingd 1
	_starling_unbreak "${w[${#w[@]} - 1]}"
}

complete -F _starling starling
complete -F _starlingd starlingd
