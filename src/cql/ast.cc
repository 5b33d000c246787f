#include "sagitta/cql/ast.h"
