/** State of a filter that is being typed: the text, what is wrong with it, and the last text that was right. */
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type * as language from './language';
import type { FilterProblem } from './language';

type Language = typeof language;

/** Undefined until it is wanted and loaded: it is not part of what a page needs to be seen. */
function useFilterLanguage(isWanted: boolean): Language | undefined {
  return useQuery({
    queryKey: ['', 'filter-language', {}],
    queryFn: () => import('./language'),
    staleTime: Infinity,
    gcTime: Infinity,
    enabled: isWanted,
  }).data;
}

export interface TypedFilter {
  readonly text: string;
  readonly setText: (text: string) => void;
  /** Somebody is about to type. */
  readonly begin: () => void;
  readonly language: Language | undefined;
  /** Once typing pauses. */
  readonly problem: FilterProblem | undefined;
  /** The last one that was right, without blanks around it: what lists are asked for. */
  readonly applied: string;
  /** What is typed is what is applied. */
  readonly isSettled: boolean;
}

const PAUSE_MS = 300;

export function useFilter(initial: string): TypedFilter {
  const [isBegun, setIsBegun] = useState(false);
  const loaded = useFilterLanguage(isBegun);
  const [text, setText] = useState(initial);
  const [settled] = useDebouncedValue(text, PAUSE_MS);
  const [applied, setApplied] = useState(initial.trim());
  const problem = loaded?.checkFilter(settled);
  const next = settled.trim();
  // Without the language nothing is known to be right, and the server would refuse half of what people type.
  if (loaded !== undefined && problem === undefined && next !== applied) setApplied(next);
  return {
    text,
    setText: (next) => {
      setIsBegun(true);
      setText(next);
    },
    begin: () => setIsBegun(true),
    language: loaded,
    problem: settled === text ? problem : undefined,
    applied,
    isSettled: settled === text && problem === undefined && next === applied,
  };
}
